/** Transformations of rows: grouping, order, reduction, filters. */

import { calcName, reduce } from '../reduce';
import { rowCount } from './frames';
import { num, obj, objs, text, texts, type Json } from './json';
import type { Field, Frame } from './model';
import { nameOf } from './transform-columns';
import { parseRegex } from './variables';

const asNumbers = (values: readonly unknown[]): (number | null)[] => values.map((v) => (typeof v === 'number' ? v : null));

function aggregate(calc: string, field: Field, values: readonly unknown[]): unknown {
  if (calc === 'count') return values.length;
  if (field.type === 'number') return reduce(calc, asNumbers(values));
  const real = values.filter((v) => v !== null && v !== undefined);
  return calc.startsWith('first') ? real[0] : real[real.length - 1];
}

export function groupBy(frames: Frame[], options: Json): Frame[] {
  const fields = obj(options['fields']);
  const rule = (f: Field): Json => obj(fields[nameOf(f)] ?? fields[f.name]);
  return frames.map((frame) => {
    const keys = frame.fields.filter((f) => rule(f)['operation'] === 'groupby');
    if (keys.length === 0) return frame;
    const groups = new Map<string, number[]>();
    for (let i = 0; i < rowCount(frame); i++) {
      const key = JSON.stringify(keys.map((f) => f.values[i]));
      groups.set(key, [...(groups.get(key) ?? []), i]);
    }
    const rows = [...groups.values()];
    const made = frame.fields.flatMap((f) =>
      rule(f)['operation'] === 'aggregate' ? texts(rule(f)['aggregations']).map((calc): Field => ({
        name: `${nameOf(f)} (${calc})`, type: f.type === 'number' || calc === 'count' ? 'number' : f.type, labels: {}, values: rows.map((at) => aggregate(calc, f, at.map((i) => f.values[i]))),
      })) : []);
    return { ...frame, fields: [...keys.map((f) => ({ ...f, values: rows.map((at) => f.values[at[0] ?? 0]) })), ...made] };
  });
}

const collator = new Intl.Collator('en', { numeric: true });

export function compareCells(a: unknown, b: unknown): number {
  const [noA, noB] = [a === null || a === undefined, b === null || b === undefined];
  if (noA || noB) return Number(noB) - Number(noA);
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
}

function pick(frame: Frame, order: readonly number[]): Frame {
  return { ...frame, fields: frame.fields.map((f) => ({ ...f, values: order.map((i) => f.values[i]) })) };
}

export function sortBy(frames: Frame[], options: Json): Frame[] {
  const by = objs(options['sort'])[0] ?? {};
  return frames.map((frame) => {
    const field = frame.fields.find((f) => nameOf(f) === text(by['field']) || f.name === text(by['field']));
    if (!field) return frame;
    const order = Array.from({ length: rowCount(frame) }, (_, i) => i).sort((a, b) => compareCells(field.values[a], field.values[b]));
    return pick(frame, by['desc'] === true ? order.reverse() : order);
  });
}

export function limit(frames: Frame[], options: Json): Frame[] {
  const most = num(options['limitField']) ?? 10;
  return frames.map((f) => pick(f, Array.from({ length: Math.min(most, rowCount(f)) }, (_, i) => i)));
}

/** Series to rows: a row per field and a column per calculation; or each field to one value. */
export function reduceFrames(frames: Frame[], options: Json): Frame[] {
  const calcs = texts(options['reducers']).length > 0 ? texts(options['reducers']) : ['max'];
  if (options['mode'] === 'reduceFields') {
    return frames.map((frame) => ({ ...frame, fields: frame.fields.filter((f) => f.type === 'number').map((f) => ({ ...f, values: [aggregate(calcs[0] ?? 'max', f, f.values)] })) }));
  }
  const fields = frames.flatMap((frame) => frame.fields.filter((f) => f.type === 'number' || (options['includeTimeField'] === true && f.type === 'time')));
  const names = options['labelsToFields'] === true ? [...new Set(fields.flatMap((f) => Object.keys(f.labels)))].sort() : [];
  const column = (name: string, type: Field['type'], values: unknown[]): Field => ({ name, type, labels: {}, values });
  return [{
    refId: frames[0]?.refId ?? 'A', name: '',
    fields: [
      column('Field', 'string', fields.map((f) => (names.length > 0 ? f.name : nameOf(f)))),
      ...names.map((n) => column(n, 'string', fields.map((f) => f.labels[n] ?? ''))),
      ...calcs.map((calc) => column(calcName(calc), 'number', fields.map((f) => aggregate(calc, f, f.values)))),
    ],
  }];
}

/** A row per series with its labels and the series itself, which cells draw as a small chart. */
export function timeSeriesTable(frames: Frame[], options: Json): Frame[] {
  const refIds = [...new Set(frames.map((f) => f.refId))];
  return refIds.map((refId) => {
    const own = frames.filter((f) => f.refId === refId);
    const numbers = own.map((f) => f.fields.find((x) => x.type === 'number')).filter((f): f is Field => f !== undefined);
    const names = [...new Set(numbers.flatMap((f) => Object.keys(f.labels)))].sort();
    const stat = text(obj(options[refId])['stat']) || 'lastNotNull';
    const trend = numbers.map((f) => ({ values: asNumbers(f.values), value: reduce(stat, asNumbers(f.values)) }));
    return {
      refId, name: refId,
      fields: [...names.map((n): Field => ({ name: n, type: 'string', labels: {}, values: numbers.map((f) => f.labels[n] ?? '') })), { name: `Trend #${refId}`, type: 'number', labels: {}, values: trend }],
    };
  });
}

type Test = (value: unknown, options: Json) => boolean;

const TESTS: Record<string, Test> = {
  isNull: (v) => v === null || v === undefined,
  isNotNull: (v) => v !== null && v !== undefined,
  equal: (v, o) => String(v) === text(o['value']),
  notEqual: (v, o) => String(v) !== text(o['value']),
  greater: (v, o) => Number(v) > (num(o['value']) ?? 0),
  greaterOrEqual: (v, o) => Number(v) >= (num(o['value']) ?? 0),
  lower: (v, o) => Number(v) < (num(o['value']) ?? 0),
  lowerOrEqual: (v, o) => Number(v) <= (num(o['value']) ?? 0),
  between: (v, o) => Number(v) > (num(o['from']) ?? 0) && Number(v) < (num(o['to']) ?? 0),
  regex: (v, o) => parseRegex(text(o['value']))?.test(String(v)) ?? true,
  substring: (v, o) => String(v).includes(text(o['value'])),
};

export function filterByValue(frames: Frame[], options: Json): Frame[] {
  const filters = objs(options['filters']);
  const include = options['type'] !== 'exclude';
  const every = options['match'] === 'all';
  return frames.map((frame) => {
    const tests = filters.flatMap((filter) => {
      const field = frame.fields.find((f) => nameOf(f) === text(filter['fieldName']) || f.name === text(filter['fieldName']));
      const config = obj(filter['config']);
      const test = TESTS[text(config['id'])];
      return field && test ? [(i: number): boolean => test(field.values[i], obj(config['options']))] : [];
    });
    if (tests.length === 0) return frame;
    const rows = Array.from({ length: rowCount(frame) }, (_, i) => i);
    return pick(frame, rows.filter((i) => (every ? tests.every((t) => t(i)) : tests.some((t) => t(i))) === include));
  });
}
