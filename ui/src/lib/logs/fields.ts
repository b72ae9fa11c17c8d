/** The fields of an entry, by where they come from. */

import type { LogEntry } from './entries';
import { flattenJson, jsonOf } from './json';

export type FieldKind = 'label' | 'metadata' | 'parsed' | 'json';

export interface Field {
  kind: FieldKind;
  name: string;
  value: string;
}

export const KIND_TITLES: Record<FieldKind, string> = { label: 'Stream labels', metadata: 'Structured metadata', parsed: 'Parsed by the query', json: 'Fields of the line' };

/** Every field; a JSON field that the query has parsed already is listed once, as parsed. */
export function fieldsOf(entry: LogEntry): Field[] {
  const list = (kind: FieldKind, set: Record<string, string>): Field[] => Object.keys(set).sort().map((name) => ({ kind, name, value: set[name] ?? '' }));
  const inside = flattenJson(jsonOf(entry.line) ?? {});
  const parsed = new Set(Object.keys(entry.parsed));
  const json = Object.fromEntries(Object.entries(inside).filter(([name]) => !parsed.has(name) && !parsed.has(`${name}_extracted`)));
  return [...list('label', entry.stream), ...list('metadata', entry.metadata), ...list('parsed', entry.parsed), ...list('json', json)];
}

/** The value of a field by its name, wherever it is. */
export function fieldValue(entry: LogEntry, name: string): string {
  const quick = entry.parsed[name] ?? entry.metadata[name] ?? entry.stream[name];
  return quick ?? flattenJson(jsonOf(entry.line) ?? {})[name] ?? '';
}
