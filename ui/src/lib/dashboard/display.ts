/** How one value reads: mapped text, unit, colour. */

import { namedColor, paletteColor, mix, schemeColor } from '../color';
import { reduce } from '../reduce';
import { formatParts, type Formatted } from '../units';
import { num, obj, text } from './json';
import type { Field, Frame, Settings } from './model';
import { parseRegex } from './variables';

export interface Shown extends Formatted {
  color: string | undefined;
  /** Whether a mapping or threshold gave the colour, and not the palette. */
  marked: boolean;
}

interface Mapped {
  text?: string;
  color?: string;
}

/** The first mapping that fits. */
export function mapValue(value: unknown, settings: Settings): Mapped | undefined {
  for (const mapping of settings.mappings) {
    const result = fits(value, mapping.type, mapping.options);
    if (result) {
      const [shown, color] = [text(result['text']), text(result['color'])];
      return { ...(shown ? { text: shown } : {}), ...(color ? { color: namedColor(color) ?? color } : {}) };
    }
  }
  return undefined;
}

function fits(value: unknown, type: string, options: Record<string, unknown>): Record<string, unknown> | undefined {
  const isNull = value === null || value === undefined;
  const isNaNValue = typeof value === 'number' && Number.isNaN(value);
  const result = obj(options['result']);
  if (type === 'value') return isNull || options[String(value)] === undefined ? undefined : obj(options[String(value)]);
  if (type === 'range') {
    const [from, to] = [num(options['from']) ?? -Infinity, num(options['to']) ?? Infinity];
    return typeof value === 'number' && value >= from && value <= to ? result : undefined;
  }
  if (type === 'regex') return !isNull && parseRegex(text(options['pattern']))?.test(String(value)) ? result : undefined;
  const special: Record<string, boolean> = { null: isNull, nan: isNaNValue, 'null+nan': isNull || isNaNValue, true: value === true, false: value === false, empty: value === '' };
  return type === 'special' && special[text(options['match'])] ? result : undefined;
}

/** The colour of the highest step not above the value. */
export function thresholdColor(value: number, settings: Settings, extent: Extent): string | undefined {
  const { percentage, steps } = settings.thresholds;
  const at = percentage ? share(value, extent) * 100 : value;
  let color = steps[0]?.color;
  for (const step of steps) if (at >= step.value) color = step.color;
  return namedColor(color);
}

export interface Extent {
  min: number;
  max: number;
}

export function share(value: number, { min, max }: Extent): number {
  return max > min ? (value - min) / (max - min) : 0;
}

/** The extent that gauges, percentages and continuous colours use. */
export function extentOf(fields: readonly Field[], settings: Settings | undefined): Extent {
  let [min, max] = [Infinity, -Infinity];
  if (settings?.min === undefined || settings.max === undefined) {
    for (const field of fields) {
      for (const value of field.values) {
        if (typeof value !== 'number' || !Number.isFinite(value)) continue;
        if (value < min) min = value;
        if (value > max) max = value;
      }
    }
  }
  const low = settings?.min ?? (Number.isFinite(min) ? min : 0);
  const high = settings?.max ?? (Number.isFinite(max) ? max : 100);
  return { min: low, max: high > low ? high : low + 1 };
}

/** The colour of a series as a whole; `index` is its place among the panel's numbers. */
export function seriesColor(field: Field, index: number, extent: Extent): string {
  const settings = field.settings;
  if (!settings) return paletteColor(index);
  const { mode, fixed, seriesBy } = settings.color;
  if (mode === 'fixed') return namedColor(fixed) ?? paletteColor(index);
  if (mode === 'shades') return mix(namedColor(fixed) ?? '#5b8cff', index % 2 ? '#ffffff' : '#000000', Math.min(0.6, index * 0.09));
  const value = reduce(seriesBy === 'last' ? 'lastNotNull' : seriesBy, field.values as (number | null)[]);
  if (mode === 'thresholds') return thresholdColor(value ?? -Infinity, settings, extent) ?? paletteColor(index);
  if (mode.startsWith('continuous-')) return schemeColor(mode, share(value ?? 0, extent)) ?? paletteColor(index);
  return paletteColor(index);
}

/** The colour of one value; undefined where only the palette would speak. */
export function valueColor(value: number, settings: Settings, extent: Extent): string | undefined {
  const { mode, fixed } = settings.color;
  if (mode === 'fixed') return namedColor(fixed);
  if (mode.startsWith('continuous-')) return schemeColor(mode, share(value, extent));
  if (mode === 'palette-classic' || mode === 'palette-classic-by-name' || mode === 'shades') return undefined;
  return thresholdColor(value, settings, extent);
}

/** A value with its text and colour. */
export function show(value: unknown, settings: Settings, extent: Extent): Shown {
  const mapped = mapValue(value, settings);
  const isNumber = typeof value === 'number';
  const own = isNumber && !Number.isNaN(value) ? valueColor(value, settings, extent) : undefined;
  const color = mapped?.color ?? own;
  const marked = color !== undefined;
  if (mapped?.text !== undefined) return { prefix: '', text: mapped.text, suffix: '', color, marked };
  if (value === null || value === undefined || (isNumber && Number.isNaN(value) && settings.noValue)) return { prefix: '', text: settings.noValue ?? '–', suffix: '', color, marked };
  if (typeof value === 'boolean') return { prefix: '', text: value ? 'True' : 'False', suffix: '', color, marked };
  if (!isNumber) return { prefix: '', text: String(value), suffix: '', color, marked };
  return { ...formatParts(value, settings.unit, settings.decimals), color, marked };
}

export const shownText = (shown: Formatted): string => shown.prefix + shown.text + shown.suffix;

/** What a field is called: its own display name, the legend, the frame where only that tells. */
export function fieldName(field: Field, frame: Frame): string {
  const own = field.settings?.displayName;
  if (own) return fieldTemplate(own, field, frame);
  if (field.legend !== undefined) return field.legend;
  return field.name;
}

/** `${__field.labels.x}`, `${__field.name}` and `{{x}}` in a display name. */
export function fieldTemplate(source: string, field: Field, frame: Frame): string {
  return source
    .replace(/\$\{__(?:field|series)\.labels(?:\.([\w]+)|\["([^"]+)"\])\}/g, (_, a?: string, b?: string) => field.labels[a ?? b ?? ''] ?? '')
    .replace(/\$\{__(?:field\.(?:displayName|name)|series\.name)\}/g, field.legend ?? field.name)
    .replace(/\$\{__field\.labels\}/g, Object.entries(field.labels).map(([k, v]) => `${k}="${v}"`).join(', '))
    .replace(/\$\{__frame\.(?:refId|name)\}/g, frame.refId)
    .replace(/\$__cell_?\d*|\$\{__cell_?\d*\}/g, field.name);
}
