/** Which of Skopos' own APIs answers a query that names a data source. */

import { obj, text } from './json';
import type { Source, VariableDef } from './model';

const KNOWN: [RegExp, Source][] = [
  [/^-- grafana --$|^grafana$/i, 'other'],
  [/-- mixed --/i, 'none'],
  [/-- dashboard --/i, 'other'],
  [/loki|logs/i, 'loki'],
  [/prom|mimir|cortex|thanos|victoria|metrics|amazon managed/i, 'prometheus'],
];

function ofName(name: string): Source | undefined {
  return KNOWN.find(([pattern]) => pattern.test(name))?.[1];
}

/** The kind behind a reference: `{type, uid}`, a name, `$variable`, or nothing. */
export function sourceOf(reference: unknown, variables: readonly VariableDef[]): Source | undefined {
  if (reference === null || reference === undefined || reference === '') return undefined;
  const { type, uid } = typeof reference === 'string' ? { type: '', uid: reference } : { type: text(obj(reference)['type']), uid: text(obj(reference)['uid']) };
  if (type === 'datasource') return ofName(uid) ?? 'other';
  if (type) return ofName(type) ?? 'other';
  const name = /^\$\{?(\w+)\}?$/.exec(uid)?.[1];
  if (!name) return uid === 'default' || !uid ? undefined : ofName(uid);
  const variable = variables.find((v) => v.name === name);
  return ofName(text(variable?.query)) ?? ofName(name);
}

/** The query's own reference first, then the panel's; metrics where nothing is said. */
export function targetSource(target: unknown, panel: unknown, variables: readonly VariableDef[], fallback: Source = 'prometheus'): Source {
  const own = sourceOf(target, variables);
  if (own && own !== 'none') return own;
  const shared = sourceOf(panel, variables);
  return shared && shared !== 'none' ? shared : fallback;
}

/** What a message calls a data source that Skopos does not speak. */
export function sourceName(reference: unknown): string {
  return typeof reference === 'string' ? reference : text(obj(reference)['type']) || text(obj(reference)['uid']) || 'unknown';
}
