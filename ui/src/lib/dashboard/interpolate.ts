/** `$name`, `${name:format}` and `[[name]]` in queries, titles and links. */

import { ALL } from './model';

/** A variable with what is chosen. */
export interface VarValue {
  name: string;
  values: string[];
  texts: string[];
  /** Everything is chosen; `values` holds all options then. */
  all: boolean;
  allValue: string | undefined;
  /** Whether several values can be chosen. */
  many: boolean;
}

export interface Scope {
  vars: ReadonlyMap<string, VarValue>;
  /** `__interval`, `__from`, …: inserted as they are. */
  builtins: Readonly<Record<string, string>>;
}

export function makeScope(values: readonly VarValue[], builtins: Readonly<Record<string, string>>): Scope {
  return { vars: new Map(values.map((v) => [v.name, v])), builtins };
}

/** What a bare `$name` becomes. */
export type Purpose = 'query' | 'text' | 'url';

const PATTERN = /\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:}]+))?(?::([^}]+))?\}/g;

export function interpolate(source: string, scope: Scope, purpose: Purpose): string {
  if (!source.includes('$') && !source.includes('[[')) return source;
  return source.replace(PATTERN, (whole, plain?: string, square?: string, squareFormat?: string, braced?: string, _path?: string, bracedFormat?: string) => {
    const name = plain ?? square ?? braced ?? '';
    const format = squareFormat ?? bracedFormat;
    const builtin = scope.builtins[name];
    if (builtin !== undefined) return formatBuiltin(builtin, format);
    const variable = scope.vars.get(name);
    return variable ? formatVariable(variable, format ?? DEFAULTS[purpose], scope) : whole;
  });
}

const DEFAULTS: Record<Purpose, string> = { query: 'promql', text: 'text', url: 'url' };

function formatBuiltin(value: string, format: string | undefined): string {
  if (!format?.startsWith('date')) return value;
  const at = new Date(Number(value));
  if (Number.isNaN(at.getTime())) return value;
  return format === 'date:seconds' ? String(Math.floor(at.getTime() / 1000)) : at.toISOString();
}

function formatVariable(variable: VarValue, format: string, scope: Scope): string {
  if (format === 'queryparam') return queryParam(variable);
  if (format === 'text') return variable.all ? 'All' : variable.texts.join(' + ');
  if (format === 'url') return variable.all ? ALL : variable.values.join(',');
  if (variable.all && variable.allValue !== undefined) return interpolate(variable.allValue, scope, 'query');
  const make = FORMATS[format] ?? FORMATS['promql'];
  return make ? make(variable.values, variable) : variable.values.join(',');
}

function queryParam(variable: VarValue): string {
  const values = variable.all ? [ALL] : variable.values;
  return values.map((v) => `var-${encodeURIComponent(variable.name)}=${encodeURIComponent(v)}`).join('&');
}

const FORMATS: Record<string, (values: readonly string[], variable: VarValue) => string> = {
  promql: (values, variable) => promql(values, variable.many),
  regex: (values) => alternatives(values.map(escapeRegExp)),
  pipe: (values) => values.join('|'),
  csv: (values) => values.join(','),
  raw: (values) => (values.length > 1 ? `{${values.join(',')}}` : (values[0] ?? '')),
  glob: (values) => (values.length > 1 ? `{${values.join(',')}}` : (values[0] ?? '')),
  singlequote: (values) => values.map((v) => `'${v.replace(/'/g, "\\'")}'`).join(','),
  doublequote: (values) => values.map((v) => `"${v.replace(/"/g, '\\"')}"`).join(','),
  sqlstring: (values) => values.map((v) => `'${v.replace(/'/g, "''")}'`).join(','),
  percentencode: (values) => encodeURIComponent(values.length > 1 ? `{${values.join(',')}}` : (values[0] ?? '')),
  json: (values) => JSON.stringify(values.length === 1 ? values[0] : values),
  lucene: (values) => (values.length > 1 ? `(${values.map((v) => JSON.stringify(v)).join(' OR ')})` : (values[0] ?? '')),
};

const alternatives = (values: readonly string[]): string => (values.length > 1 ? `(${values.join('|')})` : (values[0] ?? ''));
const escapeRegExp = (value: string): string => value.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&');

/** Inside a quoted matcher: several values become alternatives of an escaped regular expression. */
function promql(values: readonly string[], many: boolean): string {
  if (!many) return (values[0] ?? '').replace(/\\/g, '\\\\').replace(/"/g, '\\"');
  return alternatives(values.map((v) => v.replace(/\\/g, '\\\\\\\\').replace(/"/g, '\\"').replace(/[$^*{}[\]+?.()|]/g, '\\\\$&')));
}

/** Names of the variables that a text uses. */
export function namesIn(source: string): string[] {
  return [...source.matchAll(PATTERN)].map((m) => m[1] ?? m[2] ?? m[4] ?? '');
}

/** The scope with some variables set to one value: a repeated panel or row. */
export function narrow(scope: Scope, name: string, value: string, text: string): Scope {
  const vars = new Map(scope.vars);
  const before = vars.get(name);
  vars.set(name, { name, values: [value], texts: [text], all: false, allValue: before?.allValue, many: before?.many ?? true });
  return { ...scope, vars };
}
