/** Transformations of columns: order, names, presence, calculated ones. */

import { reduce } from '../reduce';
import { formatDateTime } from '../time';
import { num, obj, objs, text, texts, type Json } from './json';
import type { Field, Frame } from './model';
import { rowCount } from './frames';
import { parseRegex } from './variables';

/** The name that options of transformations use. */
export const nameOf = (field: Field): string => field.legend ?? field.name;

export function organize(frames: Frame[], options: Json): Frame[] {
  const [excluded, included, order, renamed] = [obj(options['excludeByName']), obj(options['includeByName']), obj(options['indexByName']), obj(options['renameByName'])];
  const only = Object.keys(included).length > 0;
  return frames.map((frame) => {
    const kept = frame.fields.filter((f) => excluded[nameOf(f)] !== true && (!only || included[nameOf(f)] === true));
    const place = (f: Field): number => num(order[nameOf(f)]) ?? Number.MAX_SAFE_INTEGER;
    const sorted = Object.keys(order).length > 0 ? [...kept].sort((a, b) => place(a) - place(b)) : kept;
    return { ...frame, fields: sorted.map((f) => rename(f, text(renamed[nameOf(f)]))) };
  });
}

function rename(field: Field, name: string): Field {
  if (!name) return field;
  return field.legend === undefined ? { ...field, name } : { ...field, name, legend: name };
}

export function renameByRegex(frames: Frame[], options: Json): Frame[] {
  const pattern = parseRegex(text(options['regex']));
  if (!pattern) return frames;
  const next = text(options['renamePattern']);
  return frames.map((frame) => ({ ...frame, fields: frame.fields.map((f) => (pattern.test(nameOf(f)) ? rename(f, nameOf(f).replace(pattern, next)) : f)) }));
}

export function filterFieldsByName(frames: Frame[], options: Json): Frame[] {
  const [include, exclude] = [obj(options['include']), obj(options['exclude'])];
  const listed = (rule: Json): ((f: Field) => boolean) | null => {
    const names = texts(rule['names']);
    const pattern = text(rule['pattern']) ? parseRegex(text(rule['pattern'])) : null;
    if (names.length === 0 && !pattern) return null;
    return (f) => names.includes(nameOf(f)) || names.includes(f.name) || (pattern?.test(nameOf(f)) ?? false);
  };
  const [inside, outside] = [listed(include), listed(exclude)];
  return frames
    .map((frame) => ({ ...frame, fields: frame.fields.filter((f) => (inside?.(f) ?? true) && !(outside?.(f) ?? false)) }))
    .filter((frame) => frame.fields.length > 0);
}

const OPERATORS: Record<string, (a: number, b: number) => number> = { '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b, '%': (a, b) => a % b };

export function calculateField(frames: Frame[], options: Json): Frame[] {
  const replace = options['replaceFields'] === true;
  return frames.map((frame) => {
    const made = options['mode'] === 'binary' ? binary(frame, obj(options['binary']), text(options['alias'])) : options['mode'] === 'reduceRow' || !options['mode'] ? rowReduce(frame, obj(options['reduce']), text(options['alias'])) : undefined;
    if (!made) return frame;
    return { ...frame, fields: replace ? [...frame.fields.filter((f) => f.type === 'time'), made] : [...frame.fields, made] };
  });
}

const numbers = (field: Field | undefined): (number | null)[] => (field?.values ?? []).map((v) => (typeof v === 'number' ? v : null));

function binary(frame: Frame, options: Json, alias: string): Field | undefined {
  const side = (value: unknown): ((row: number) => number | null) | null => {
    const matcher = obj(value)['matcher'];
    const name = matcher ? text(obj(matcher)['options']) : text(value);
    const field = frame.fields.find((f) => nameOf(f) === name || f.name === name);
    const fixed = num(typeof value === 'object' ? obj(value)['fixed'] : value);
    if (!field && fixed === undefined) return null;
    const values = numbers(field);
    return (row) => (field ? (values[row] ?? null) : (fixed ?? null));
  };
  const [left, right, operate] = [side(options['left']), side(options['right']), OPERATORS[text(options['operator'])]];
  if (!left || !right || !operate) return undefined;
  const values = Array.from({ length: rowCount(frame) }, (_, i) => {
    const [a, b] = [left(i), right(i)];
    return a === null || b === null ? null : operate(a, b);
  });
  const shown = (v: unknown): string => text(v) || text(obj(v)['fixed']) || text(obj(obj(v)['matcher'])['options']);
  return { name: alias || `${shown(options['left'])} ${text(options['operator'])} ${shown(options['right'])}`, type: 'number', labels: {}, values };
}

function rowReduce(frame: Frame, options: Json, alias: string): Field {
  const names = texts(options['include']);
  const used = frame.fields.filter((f) => f.type === 'number' && (names.length === 0 || names.includes(nameOf(f))));
  const calc = text(options['reducer']) || 'sum';
  const values = Array.from({ length: rowCount(frame) }, (_, i) => reduce(calc, used.map((f) => numbers(f)[i] ?? null)));
  return { name: alias || calc, type: 'number', labels: {}, values };
}

/** Labels of a series become columns, or with `rows` a table of name and value. */
export function labelsToFields(frames: Frame[], options: Json): Frame[] {
  const keep = texts(options['keepLabels']);
  const valueLabel = text(options['valueLabel']);
  if (options['mode'] === 'rows') {
    return frames.map((frame) => {
      const pairs = Object.entries(frame.fields.find((f) => f.type === 'number')?.labels ?? {}).filter(([k]) => keep.length === 0 || keep.includes(k));
      return { ...frame, fields: [{ name: 'label', type: 'string', labels: {}, values: pairs.map(([k]) => k) }, { name: 'value', type: 'string', labels: {}, values: pairs.map(([, v]) => v) }] };
    });
  }
  return frames.map((frame) => {
    const number = frame.fields.find((f) => f.type === 'number');
    const names = Object.keys(number?.labels ?? {}).filter((n) => n !== valueLabel && (keep.length === 0 || keep.includes(n)));
    const made = names.map((n): Field => ({ name: n, type: 'string', labels: {}, values: Array.from({ length: rowCount(frame) }, () => number?.labels[n] ?? '') }));
    const rest = frame.fields.map((f): Field => {
      if (f !== number) return f;
      const { legend: _legend, ...plain } = f;
      return { ...plain, name: (valueLabel && f.labels[valueLabel]) || f.labels['__name__'] || f.name, labels: {} };
    });
    return { ...frame, fields: [...rest.filter((f) => f.type === 'time'), ...made, ...rest.filter((f) => f.type !== 'time')] };
  });
}

export function formatTimes(frames: Frame[], options: Json): Frame[] {
  const name = text(options['timeField']);
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((f) => (f.name === name ? { ...f, type: 'string' as const, values: f.values.map((v) => (typeof v === 'number' ? formatDateTime(v) : v)) } : f)),
  }));
}

export function convertFieldType(frames: Frame[], options: Json): Frame[] {
  const wanted = new Map(objs(options['conversions']).map((c) => [text(c['targetField']), text(c['destinationType'])]));
  const convert = (value: unknown, type: string): unknown => (type === 'number' ? (num(value) ?? null) : type === 'time' ? (num(value) ?? Date.parse(text(value))) : type === 'boolean' ? Boolean(value) : text(value));
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((f) => {
      const type = wanted.get(nameOf(f));
      return type === 'number' || type === 'time' || type === 'boolean' || type === 'string' ? { ...f, type, values: f.values.map((v) => convert(v, type)) } : f;
    }),
  }));
}
