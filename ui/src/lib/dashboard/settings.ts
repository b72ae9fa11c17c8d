/** Field configuration: defaults, then overrides in order, a later match wins. */

import { reduce } from '../reduce';
import { num, obj, objs, setPath, str, text, texts, type Json } from './json';
import { readLink } from './migrate';
import type { Field, Frame, Mapping, Override, Settings, ThresholdSteps } from './model';
import { parseRegex } from './variables';

export interface FieldConfig {
  /** The panel's type: what it takes where nothing is said. */
  type: string;
  defaults: Json;
  overrides: readonly Override[];
}

/** Panels of many series colour them by the palette; those of single values by thresholds. */
const BY_PALETTE = new Set(['timeseries', 'piechart', 'barchart', 'histogram', 'heatmap', 'trend', 'xychart', 'state-timeline']);
const THRESHOLDS = { mode: 'absolute', steps: [{ value: null, color: 'green' }, { value: 80, color: 'red' }] };

function standard(type: string): Json {
  return { color: { mode: BY_PALETTE.has(type) ? 'palette-classic' : 'thresholds' }, ...(type === 'stat' || type === 'gauge' || type === 'bargauge' ? { thresholds: THRESHOLDS } : {}) };
}

/** The frames with each field's settings. */
export function withSettings(frames: readonly Frame[], config: FieldConfig): Frame[] {
  const many = frames.length > 1;
  return frames.map((frame) => ({ ...frame, fields: frame.fields.map((f) => ({ ...f, settings: settingsOf(f, frame, config, many) })) }));
}

function settingsOf(field: Field, frame: Frame, config: FieldConfig, many: boolean): Settings {
  const merged: Json = { ...standard(config.type), ...config.defaults, custom: { ...obj(config.defaults['custom']) } };
  if (field.type === 'time') for (const key of ['unit', 'decimals', 'min', 'max']) delete merged[key];
  for (const override of config.overrides) {
    if (!matches(override.matcher, field, frame, many)) continue;
    for (const { id, value } of override.properties) setPath(merged, id, value);
  }
  return readSettings(merged);
}

function matches(matcher: Override['matcher'], field: Field, frame: Frame, many: boolean): boolean {
  const names = [field.name, ...(field.legend === undefined ? [] : [field.legend]), ...(many && field.type === 'number' ? [frame.name] : [])];
  const isTime = field.type === 'time';
  switch (matcher.id) {
    case 'byName':
      return names.includes(text(matcher.options));
    case 'byRegexp': {
      const pattern = parseRegex(text(matcher.options));
      return pattern !== null && (field.legend !== undefined ? pattern.test(field.legend) : names.some((n) => pattern.test(n)));
    }
    case 'byFrameRefID':
      return frame.refId === text(matcher.options) && !isTime;
    case 'byType':
      return field.type === text(matcher.options);
    case 'byNames': {
      const options = obj(matcher.options);
      const listed = texts(options['names']).some((n) => names.includes(n));
      return !isTime && (options['mode'] === 'exclude' ? !listed : listed);
    }
    case 'byValue':
      return field.type === 'number' && byValue(obj(matcher.options), field);
    default:
      return false;
  }
}

function byValue(options: Json, field: Field): boolean {
  const [got, wanted] = [reduce(text(options['reducer']), field.values as (number | null)[]), num(options['value']) ?? 0];
  if (got === null) return false;
  const compare: Record<string, boolean> = { gt: got > wanted, gte: got >= wanted, lt: got < wanted, lte: got <= wanted, eq: got === wanted, neq: got !== wanted };
  return compare[text(options['op'])] ?? false;
}

export function readSettings(json: Json): Settings {
  const color = obj(json['color']);
  return {
    unit: str(json['unit']) || undefined,
    decimals: num(json['decimals']),
    min: num(json['min']),
    max: num(json['max']),
    displayName: str(json['displayName']) || undefined,
    noValue: str(json['noValue']) || undefined,
    mappings: objs(json['mappings']).map(readMapping),
    thresholds: readThresholds(obj(json['thresholds'])),
    color: { mode: text(color['mode']) || 'palette-classic', fixed: str(color['fixedColor']), seriesBy: text(color['seriesBy']) || 'last' },
    links: objs(json['links']).map(readLink).filter((l) => l.url),
    custom: obj(json['custom']),
  };
}

/** Old mappings have numbers for types: 1 a value, 2 a range. */
function readMapping(json: Json): Mapping {
  const result = { text: text(json['text']) };
  if (json['type'] === 1) return text(json['value']) === 'null' ? { type: 'special', options: { match: 'null', result } } : { type: 'value', options: { [text(json['value'])]: result } };
  if (json['type'] === 2) return { type: 'range', options: { from: json['from'], to: json['to'], result } };
  return { type: text(json['type']), options: obj(json['options']) };
}

function readThresholds(json: Json): ThresholdSteps {
  const steps = objs(json['steps']).map((s) => ({ value: num(s['value']) ?? -Infinity, color: text(s['color']) || 'green' }));
  return { percentage: json['mode'] === 'percentage', steps: steps.sort((a, b) => a.value - b.value) };
}
