/** Transformations that make one table of several frames. */

import { rowCount } from './frames';
import { text, texts, type Json } from './json';
import type { Field, Frame } from './model';
import { nameOf } from './transform-columns';

type Cell = unknown;

interface Column {
  field: Field;
  values: Map<string, Cell>;
}

const table = (frames: readonly Frame[], fields: Field[]): Frame => ({ refId: frames[0]?.refId ?? 'A', name: frames[0]?.name ?? '', fields });

/** Rows that agree in all shared columns become one; the columns of all frames are kept. */
export function merge(frames: Frame[]): Frame[] {
  if (frames.length < 2) return frames;
  const flat = frames.map((f) => ({ ...f, fields: f.fields.map(({ legend: _legend, ...rest }): Field => rest) }));
  const columns = new Map<string, Field>();
  for (const frame of flat) for (const f of frame.fields) if (!columns.has(f.name)) columns.set(f.name, { ...f, values: [], labels: {} });
  const everywhere = [...columns.keys()].filter((n) => flat.every((frame) => frame.fields.some((f) => f.name === n)) && columns.get(n)?.type !== 'number');
  const rows: Record<string, Cell>[] = [];
  const byKey = new Map<string, Record<string, Cell>[]>();
  for (const frame of flat) {
    for (let i = 0; i < rowCount(frame); i++) {
      const row: Record<string, Cell> = {};
      for (const f of frame.fields) row[f.name] = f.values[i];
      const key = JSON.stringify(everywhere.map((n) => row[n]));
      const open = byKey.get(key) ?? [];
      const partner = open.find((other) => Object.keys(row).every((n) => other[n] === undefined || other[n] === row[n]));
      if (partner) Object.assign(partner, row);
      else {
        rows.push(row);
        byKey.set(key, [...open, row]);
      }
    }
  }
  return [table(frames, [...columns.values()].map((f) => ({ ...f, values: rows.map((r) => r[f.name] ?? null) })))];
}

/** One row for each value of the shared column: the time unless another is named. */
export function joinByField(frames: Frame[], options: Json): Frame[] {
  const name = text(options['byField']);
  const isKey = (f: Field): boolean => (name ? f.name === name || nameOf(f) === name : f.type === 'time');
  const usable = frames.filter((f) => f.fields.some(isKey));
  const first = usable[0]?.fields.find(isKey);
  if (!first || usable.length < 2) return usable.length > 0 ? usable : frames;
  const keys = new Map<string, Cell>();
  const seen = new Map<string, number>();
  const columns: Column[] = [];
  for (const frame of usable) {
    const key = frame.fields.find(isKey);
    const ids = (key?.values ?? []).map(String);
    ids.forEach((id, i) => keys.set(id, key?.values[i]));
    for (const id of new Set(ids)) seen.set(id, (seen.get(id) ?? 0) + 1);
    for (const f of frame.fields.filter((x) => x !== key)) columns.push({ field: f, values: new Map(ids.map((id, i) => [id, f.values[i]])) });
  }
  const inner = options['mode'] === 'inner';
  const wanted = [...keys.keys()].filter((id) => !inner || seen.get(id) === usable.length);
  if (first.type === 'time') wanted.sort((a, b) => Number(a) - Number(b));
  return [table(usable, [{ ...first, values: wanted.map((id) => keys.get(id)) }, ...numbered(columns).map((c) => ({ ...c.field, values: wanted.map((id) => c.values.get(id) ?? null) }))])];
}

/** Columns of one name that came from several frames are told apart by a number. */
function numbered(columns: readonly Column[]): Column[] {
  const counts = new Map<string, number>();
  const total = new Map<string, number>();
  for (const c of columns) total.set(nameOf(c.field), (total.get(nameOf(c.field)) ?? 0) + 1);
  return columns.map((c) => {
    const name = nameOf(c.field);
    if ((total.get(name) ?? 0) < 2 || c.field.legend !== undefined) return c;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return { ...c, field: { ...c.field, name: `${name} ${counts.get(name)}` } };
  });
}

/** A row per set of other labels, a column per value of the named label. */
export function joinByLabels(frames: Frame[], options: Json): Frame[] {
  const label = text(options['value']);
  const wanted = texts(options['join']);
  const numbers = frames.flatMap((f) => f.fields).filter((f) => f.type === 'number');
  const names = wanted.length > 0 ? wanted : [...new Set(numbers.flatMap((f) => Object.keys(f.labels)))].filter((n) => n !== label).sort();
  const rows = new Map<string, { labels: string[]; cells: Record<string, Cell> }>();
  for (const f of numbers) {
    const labels = names.map((n) => f.labels[n] ?? '');
    const row = rows.get(JSON.stringify(labels)) ?? { labels, cells: {} };
    row.cells[f.labels[label] ?? f.name] = f.values[f.values.length - 1];
    rows.set(JSON.stringify(labels), row);
  }
  const all = [...rows.values()];
  const columns = [...new Set(all.flatMap((r) => Object.keys(r.cells)))];
  return [table(frames, [
    ...names.map((n, i): Field => ({ name: n, type: 'string', labels: {}, values: all.map((r) => r.labels[i]) })),
    ...columns.map((c): Field => ({ name: c, type: 'number', labels: {}, values: all.map((r) => r.cells[c] ?? null) })),
  ])];
}

export function concatenate(frames: Frame[]): Frame[] {
  return frames.length < 2 ? frames : [table(frames, frames.flatMap((f) => f.fields))];
}

/** All series under each other: time, name, value. */
export function seriesToRows(frames: Frame[]): Frame[] {
  const rows = frames.flatMap((frame) => {
    const [time, number] = [frame.fields.find((f) => f.type === 'time'), frame.fields.find((f) => f.type === 'number')];
    return (number?.values ?? []).map((v, i) => ({ t: Number(time?.values[i] ?? 0), name: number ? nameOf(number) : '', v })).filter((r) => r.v !== null);
  });
  rows.sort((a, b) => b.t - a.t);
  return [table(frames, [
    { name: 'Time', type: 'time', labels: {}, values: rows.map((r) => r.t) },
    { name: 'Metric', type: 'string', labels: {}, values: rows.map((r) => r.name) },
    { name: 'Value', type: 'number', labels: {}, values: rows.map((r) => r.v) },
  ])];
}
