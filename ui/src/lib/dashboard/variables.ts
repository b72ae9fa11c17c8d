/** Template variables: what they ask, their options, and what is chosen. */

import { parseDuration } from '../duration';
import { roundInterval } from '../interval';
import type { Range } from '../time';
import { sourceOf } from './datasource';
import { interpolate, namesIn, type Scope, type VarValue } from './interpolate';
import { num, obj, text } from './json';
import { ALL, type Option, type Source, type VariableDef } from './model';

export type VariableQuery =
  | { kind: 'label_values'; label: string; selector: string }
  | { kind: 'label_names'; pattern: string }
  | { kind: 'metrics'; pattern: string }
  | { kind: 'query_result'; expr: string }
  | { kind: 'series'; selector: string };

/** A variable that was resolved. */
export interface Resolved {
  def: VariableDef;
  options: Option[];
  chosen: Option[];
  error?: string;
}

/** Asks the server; the selector and expression are interpolated. */
export type Ask = (source: Source, query: VariableQuery) => Promise<string[]>;

/** The query's text; data sources write it as text or as an object. */
export function queryText(def: VariableDef): string {
  if (typeof def.query === 'string') return def.query;
  const query = obj(def.query);
  if (query['query'] !== undefined) return text(query['query']);
  const label = text(query['label']);
  // Loki's editor: type 1 lists values, type 0 names.
  if (num(query['type']) === 0) return 'label_names()';
  return label ? `label_values(${text(query['stream'])}${text(query['stream']) ? ', ' : ''}${label})` : '';
}

export function parseVariableQuery(source: string): VariableQuery {
  const query = source.trim();
  const inner = (name: string): string | undefined => (query.startsWith(`${name}(`) && query.endsWith(')') ? query.slice(name.length + 1, -1).trim() : undefined);
  const values = inner('label_values');
  if (values !== undefined) {
    const match = /^(?:([\s\S]*),)?\s*([\w.]+|"[^"]+")\s*$/.exec(values);
    return { kind: 'label_values', label: (match?.[2] ?? values).replace(/"/g, ''), selector: match?.[1]?.trim() ?? '' };
  }
  const names = inner('label_names');
  if (names !== undefined) return { kind: 'label_names', pattern: names };
  const metrics = inner('metrics');
  if (metrics !== undefined) return { kind: 'metrics', pattern: metrics };
  const result = inner('query_result');
  if (result !== undefined) return { kind: 'query_result', expr: result };
  return { kind: 'series', selector: query };
}

/** `/…/flags` or the bare pattern; null when it is none. */
export function parseRegex(source: string): RegExp | null {
  const match = /^\/([\s\S]*)\/([gimsuy]*)$/.exec(source.trim());
  try {
    return match ? new RegExp(match[1] ?? '', (match[2] ?? '').replace(/[gy]/g, '')) : new RegExp(source);
  } catch {
    return null;
  }
}

/** Keeps what the pattern matches: its groups `text` and `value`, its first group, or the whole. */
export function applyRegex(values: readonly string[], source: string): Option[] {
  const pattern = source ? parseRegex(source) : null;
  if (!pattern) return values.map((v) => ({ text: v, value: v }));
  return values.flatMap((v) => {
    const match = pattern.exec(v);
    if (!match) return [];
    const plain = match[1] ?? match[0];
    const [shown, value] = [match.groups?.['text'], match.groups?.['value']];
    return [{ text: shown ?? value ?? plain, value: value ?? shown ?? plain }];
  });
}

const natural = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
const digits = (value: string): number => Number(/-?\d+(\.\d+)?/.exec(value)?.[0] ?? NaN);

export function sortOptions(options: readonly Option[], sort: number): Option[] {
  const compare: Record<number, (a: Option, b: Option) => number> = {
    1: (a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0),
    3: (a, b) => (digits(a.text) || 0) - (digits(b.text) || 0),
    5: (a, b) => a.text.toLowerCase().localeCompare(b.text.toLowerCase()),
    7: (a, b) => natural.compare(a.text, b.text),
  };
  const order = compare[sort % 2 === 1 ? sort : sort - 1];
  if (!order) return [...options];
  const sorted = [...options].sort(order);
  return sort % 2 === 0 ? sorted.reverse() : sorted;
}

const unique = (options: readonly Option[]): Option[] => [...new Map(options.map((o) => [o.value, o])).values()];

/** `a, b : B, c` with escaped commas. */
export function customOptions(query: string): Option[] {
  return (query.match(/(?:\\,|[^,])+/g) ?? []).map((part) => {
    const item = part.replace(/\\,/g, ',').trim();
    const pair = /^(.+)\s:\s(.+)$/.exec(item);
    return pair ? { text: pair[1]?.trim() ?? item, value: pair[2]?.trim() ?? item } : { text: item, value: item };
  }).filter((o) => o.value !== '');
}

export function intervalOptions(def: VariableDef, range: Range): Option[] {
  const listed = customOptions(text(def.query)).filter((o) => o.value !== 'auto' && !o.value.startsWith('$__auto'));
  return def.auto ? [{ text: 'auto', value: `$__auto_interval_${def.name}` }, ...listed] : listed.length > 0 ? listed : def.options.filter((o) => parseDuration(o.value) !== null || range.fromMs === 0);
}

/** The duration that `auto` stands for. */
export function autoInterval(def: VariableDef, range: Range): string {
  const ms = Math.max(roundInterval((range.toMs - range.fromMs) / def.autoCount), parseDuration(def.autoMin) ?? 10_000);
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : ms % 60_000 === 0 ? `${ms / 60_000}m` : `${Math.round(ms / 1000)}s`;
}

/** Names of the variables that must be known before this one. */
export function dependencies(def: VariableDef, names: ReadonlySet<string>): string[] {
  const texts = [queryText(def), def.regex, typeof def.datasource === 'string' ? def.datasource : text(obj(def.datasource)['uid'])];
  return [...new Set(texts.flatMap(namesIn))].filter((n) => n !== def.name && names.has(n));
}

async function optionsOf(def: VariableDef, scope: Scope, range: Range, all: readonly VariableDef[], ask: Ask): Promise<Option[]> {
  switch (def.type) {
    case 'custom':
      return customOptions(text(def.query)).length > 0 ? customOptions(text(def.query)) : def.options.filter((o) => o.value !== ALL);
    case 'interval':
      return intervalOptions(def, range);
    case 'constant':
    case 'textbox':
      return [{ text: text(def.query), value: text(def.query) }];
    case 'datasource':
      return [{ text: 'Skopos', value: text(def.query) || 'prometheus' }];
    case 'query': {
      const query = parseVariableQuery(interpolate(queryText(def), scope, 'query'));
      const source = sourceOf(def.datasource, all) ?? 'prometheus';
      const values = await ask(source, query);
      return sortOptions(unique(applyRegex(values, interpolate(def.regex, scope, 'query'))), def.sort);
    }
    default:
      return def.options;
  }
}

/** The choice of the URL, else of the file as far as it exists, else the first option or everything. */
export function choose(def: VariableDef, options: readonly Option[], wanted: readonly string[] | undefined): Option[] {
  const named = (value: string): Option => options.find((o) => o.value === value) ?? options.find((o) => o.text === value) ?? { text: value === ALL ? 'All' : value, value };
  const all: Option = { text: 'All', value: ALL };
  if (wanted && wanted.length > 0) return wanted.some((v) => v === ALL || (v === 'All' && def.includeAll)) ? [all] : wanted.map(named);
  if (def.type === 'textbox') return def.current[0]?.value ? [def.current[0]] : options.slice(0, 1);
  if (def.type === 'constant' || def.type === 'datasource') return options.slice(0, 1);
  if (def.includeAll && def.current.some((c) => c.value === ALL)) return [all];
  const kept = def.current.filter((c) => options.some((o) => o.value === c.value)).map((c) => named(c.value));
  if (kept.length > 0) return kept;
  if (def.includeAll) return [all];
  return options.slice(0, 1);
}

export function toValue(resolved: Resolved, range: Range): VarValue {
  const { def, options, chosen } = resolved;
  const all = chosen.some((c) => c.value === ALL);
  const shown = all ? options.filter((o) => o.value !== ALL) : chosen;
  const values = shown.map((o) => (o.value.startsWith('$__auto_interval') ? autoInterval(def, range) : o.value));
  return { name: def.name, values, texts: shown.map((o) => o.text), all, allValue: def.allValue, many: def.multi || def.includeAll };
}

/** All variables, each after those it needs; one that fails keeps its stored choice and says why. */
export async function resolveVariables(defs: readonly VariableDef[], wanted: Record<string, string[]>, range: Range, builtins: Record<string, string>, ask: Ask): Promise<Resolved[]> {
  const names = new Set(defs.map((d) => d.name));
  const started = new Map<string, Promise<Resolved>>();
  const start = (def: VariableDef, path: readonly string[]): Promise<Resolved> => {
    const running = started.get(def.name);
    if (running) return running;
    const needs = dependencies(def, names).filter((n) => !path.includes(n));
    const before = defs.filter((d) => needs.includes(d.name)).map((d) => start(d, [...path, def.name]));
    const promise = Promise.all(before).then((ready) => resolveOne(def, ready, wanted[def.name], range, builtins, defs, ask));
    started.set(def.name, promise);
    return promise;
  };
  return Promise.all(defs.map((def) => start(def, [])));
}

async function resolveOne(def: VariableDef, ready: Resolved[], wanted: string[] | undefined, range: Range, builtins: Record<string, string>, all: readonly VariableDef[], ask: Ask): Promise<Resolved> {
  const scope: Scope = { vars: new Map(ready.map((r) => [r.def.name, toValue(r, range)])), builtins };
  try {
    const options = await optionsOf(def, scope, range, all, ask);
    return { def, options, chosen: choose(def, options, wanted) };
  } catch (cause) {
    return { def, options: [], chosen: choose({ ...def, current: [] }, def.current, wanted), error: cause instanceof Error ? cause.message : String(cause) };
  }
}
