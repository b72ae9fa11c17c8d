/** Values that stat, gauge, bar gauge and pie panels show: one for each series, or one for each row. */

import { paletteColor } from '../color';
import { reduce } from '../reduce';
import { extentOf, fieldName, seriesColor, share, show, type Extent, type Shown } from './display';
import { obj, text, texts } from './json';
import type { Field, Frame, Panel, Settings } from './model';
import { hiddenFrom } from './chart';
import { parseRegex } from './variables';

export const MAX_CELLS = 120;

export interface Cell {
  key: string;
  name: string;
  value: number | null;
  shown: Shown;
  color: string;
  settings: Settings;
  field: Field;
  frame: Frame;
  extent: Extent;
  /** 0…1 within the extent. */
  share: number;
  /** The series behind the value, for a small chart. */
  trend: (number | null)[];
}

const asNumbers = (values: readonly unknown[]): (number | null)[] => values.map((v) => (typeof v === 'number' ? v : null));

export function toCells(frames: readonly Frame[], panel: Panel): Cell[] {
  const options = obj(panel.options['reduceOptions']);
  const calc = texts(options['calcs'])[0] ?? 'lastNotNull';
  const wanted = fieldFilter(text(options['fields']));
  const chosen = frames.flatMap((frame) => frame.fields.filter((f) => wanted(f, frame) && !hiddenFrom(f, 'viz')).map((field) => ({ frame, field })));
  const extents = new Map<Field, Extent>();
  const shared = extentOf(chosen.map((c) => c.field), chosen[0]?.field.settings);
  for (const { field } of chosen) extents.set(field, field.settings?.min !== undefined && field.settings.max !== undefined ? extentOf([field], field.settings) : { ...shared, ...(field.settings?.min === undefined ? {} : { min: field.settings.min }), ...(field.settings?.max === undefined ? {} : { max: field.settings.max }) });
  const perRow = options['values'] === true;
  const cells = chosen.flatMap(({ frame, field }, i) => {
    const extent = extents.get(field) ?? shared;
    if (perRow) return field.values.map((v, row) => cell(field, frame, `${i}:${row}`, rowName(frame, field, row), v, extent, i + row, []));
    const numbers = asNumbers(field.values);
    const value = field.type === 'number' ? reduce(calc, numbers) : field.values.filter((v) => v !== null && v !== undefined).at(calc.startsWith('first') ? 0 : -1);
    return [cell(field, frame, String(i), fieldName(field, frame), value, extent, i, field.type === 'number' ? numbers : [])];
  });
  return cells.slice(0, MAX_CELLS);
}

/** Empty: all numbers. Otherwise a name or `/pattern/`. */
function fieldFilter(pattern: string): (f: Field, frame: Frame) => boolean {
  if (!pattern) return (f) => f.type === 'number';
  if (/^\/.*\/$/.test(pattern)) {
    const regex = parseRegex(pattern);
    return (f, frame) => regex?.test(fieldName(f, frame)) ?? false;
  }
  return (f, frame) => f.name === pattern || fieldName(f, frame) === pattern;
}

function rowName(frame: Frame, field: Field, row: number): string {
  const words = frame.fields.filter((f) => f.type === 'string' && f !== field && f.settings?.custom['hidden'] !== true).map((f) => text(f.values[row])).filter(Boolean);
  return words.join(' ') || fieldName(field, frame);
}

function cell(field: Field, frame: Frame, key: string, name: string, value: unknown, extent: Extent, index: number, trend: (number | null)[]): Cell {
  const settings = field.settings as Settings;
  const shown = show(value ?? null, settings, extent);
  const number = typeof value === 'number' ? value : null;
  const series = settings.color.mode === 'palette-classic' ? paletteColor(index) : seriesColor({ ...field, values: [number] }, index, extent);
  return { key, name, value: number, shown, color: shown.color ?? series, settings, field, frame, extent, share: Math.min(1, Math.max(0, number === null ? 0 : share(number, extent))), trend };
}

/** Cells in a grid that fills the panel: columns for a wide one, rows for a tall one. */
export function gridFor(count: number, width: number, height: number, orientation: string): { columns: number; rows: number } {
  if (count <= 1) return { columns: 1, rows: 1 };
  if (orientation === 'horizontal') return { columns: 1, rows: count };
  if (orientation === 'vertical') return { columns: count, rows: 1 };
  let best = { columns: count, rows: 1, score: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const [w, h] = [width / columns, height / rows];
    const score = Math.min(w / 2.4, h) * (columns * rows === count ? 1.05 : 1);
    if (score > best.score) best = { columns, rows, score };
  }
  return { columns: best.columns, rows: best.rows };
}
