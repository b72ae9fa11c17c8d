/** Frames as a table: visible columns, cells with text and colour, widths, sort. */

import { formatDateTime } from '../time';
import { reduce } from '../reduce';
import { extentOf, fieldName, share, show, shownText, type Shown } from './display';
import { rowCount } from './frames';
import { num, obj, objs, text, texts } from './json';
import type { Field, Frame, Panel, Settings } from './model';
import { compareCells } from './transform-rows';

export const MAX_ROWS = 1000;

export type CellKind = 'text' | 'color-text' | 'color-background' | 'gauge' | 'sparkline';

export interface Column {
  key: string;
  name: string;
  field: Field;
  kind: CellKind;
  align: 'left' | 'right' | 'center';
  width: number | undefined;
  gradient: boolean;
}

export interface TableCell {
  text: string;
  color: string | undefined;
  share: number;
  trend: (number | null)[] | undefined;
}

export interface TableView {
  frame: Frame;
  columns: Column[];
  rows: number;
  cell: (column: Column, row: number) => TableCell;
}

/** The frame to show; series without a table of their own become name, last value. */
export function tableFrame(frames: readonly Frame[], index: number): Frame | undefined {
  if (frames.length > 1 && frames.every((f) => f.fields.some((x) => x.legend !== undefined))) return stacked(frames);
  return frames[Math.min(index, frames.length - 1)];
}

/** Several series in a table panel: a row for each. */
function stacked(frames: readonly Frame[]): Frame {
  const numbers = frames.map((frame) => ({ frame, field: frame.fields.find((f) => f.type === 'number') }));
  const labels = [...new Set(numbers.flatMap((n) => Object.keys(n.field?.labels ?? {})))].filter((n) => n !== '__name__').sort();
  const settings = numbers[0]?.field?.settings;
  const last = (f: Field | undefined): unknown => f?.values.filter((v) => v !== null).at(-1) ?? null;
  const wanted = labels.length > 0 ? labels : ['series'];
  return {
    refId: frames[0]?.refId ?? 'A', name: '',
    fields: [
      ...wanted.map((n): Field => ({ name: n, type: 'string', labels: {}, values: numbers.map(({ field, frame }) => (n === 'series' && field ? fieldName(field, frame) : (field?.labels[n] ?? ''))), ...(settings ? { settings: { ...settings, unit: undefined, custom: {} } } : {}) })),
      { name: 'Value', type: 'number', labels: {}, values: numbers.map(({ field }) => last(field)), ...(settings ? { settings } : {}) },
    ],
  };
}

const KINDS: Record<string, CellKind> = {
  'color-text': 'color-text', 'color-background': 'color-background', 'color-background-solid': 'color-background', gauge: 'gauge', 'lcd-gauge': 'gauge', 'gradient-gauge': 'gauge', basic: 'gauge', sparkline: 'sparkline',
};

function kindOf(field: Field): CellKind {
  const custom = field.settings?.custom ?? {};
  const type = text(obj(custom['cellOptions'])['type']) || text(custom['displayMode']);
  if (field.values.some((v) => Array.isArray(obj(v)['values']))) return 'sparkline';
  return KINDS[type] ?? 'text';
}

export function toTable(frames: readonly Frame[], panel: Panel, sort: { key: string; desc: boolean } | undefined): TableView | undefined {
  const frame = tableFrame(frames, num(panel.options['frameIndex']) ?? 0);
  if (!frame) return undefined;
  const columns = frame.fields.filter((f) => f.settings?.custom['hidden'] !== true).map((field, i): Column => ({
    key: `${i}:${field.name}`, name: fieldName(field, frame), field, kind: kindOf(field), align: alignOf(field), width: num(field.settings?.custom['width']),
    gradient: obj(field.settings?.custom['cellOptions'])['mode'] === 'gradient',
  }));
  const order = rowOrder(frame, columns, sort ?? ownSort(panel, columns));
  const extents = new Map(columns.map((c) => [c.key, extentOf([c.field], c.field.settings)]));
  return {
    frame, columns, rows: Math.min(order.length, MAX_ROWS),
    cell: (column, row) => toCell(column, column.field.values[order[row] ?? 0], extents.get(column.key) ?? { min: 0, max: 1 }),
  };
}

function alignOf(field: Field): Column['align'] {
  const align = text(field.settings?.custom['align']);
  return align === 'left' || align === 'right' || align === 'center' ? align : field.type === 'number' ? 'right' : 'left';
}

function ownSort(panel: Panel, columns: readonly Column[]): { key: string; desc: boolean } | undefined {
  const by = objs(panel.options['sortBy'])[0];
  const column = columns.find((c) => c.name === text(by?.['displayName']));
  return column ? { key: column.key, desc: by?.['desc'] === true } : undefined;
}

const plain = (value: unknown): unknown => (typeof value === 'object' && value !== null ? obj(value)['value'] : value);

function rowOrder(frame: Frame, columns: readonly Column[], sort: { key: string; desc: boolean } | undefined): number[] {
  const order = Array.from({ length: rowCount(frame) }, (_, i) => i);
  const column = columns.find((c) => c.key === sort?.key);
  if (!column) return order;
  return order.sort((a, b) => compareCells(plain(column.field.values[a]), plain(column.field.values[b])) * (sort?.desc ? -1 : 1));
}

function toCell(column: Column, value: unknown, extent: { min: number; max: number }): TableCell {
  const settings = column.field.settings as Settings;
  const trend = Array.isArray(obj(value)['values']) ? (obj(value)['values'] as (number | null)[]) : undefined;
  const single = plain(value);
  if (column.field.type === 'time' && typeof single === 'number' && !settings.unit) return { text: formatDateTime(single), color: undefined, share: 0, trend };
  const shown: Shown = show(single, settings, extent);
  return { text: shownText(shown), color: shown.color, share: typeof single === 'number' ? Math.min(1, Math.max(0, share(single, extent))) : 0, trend };
}

/** Sums below the columns, where the panel asks for a footer. */
export function footer(view: TableView, panel: Panel): string[] | undefined {
  const options = obj(panel.options['footer']);
  if (options['show'] !== true) return undefined;
  const calc = texts(options['reducer'])[0] ?? 'sum';
  return view.columns.map((c) => {
    if (c.field.type !== 'number') return '';
    const settings = c.field.settings as Settings;
    return shownText(show(reduce(calc, c.field.values.map((v) => (typeof v === 'number' ? v : null))), settings, { min: 0, max: 1 }));
  });
}
