/** The URL is the state: how each page writes itself into the query string and reads itself back. */

export type Params = Record<string, string | readonly string[] | null | undefined>;

/** Applies a patch: null, undefined, empty text and empty lists remove a key. */
export function patchParams(base: URLSearchParams, patch: Params): URLSearchParams {
  const next = new URLSearchParams(base);
  for (const [key, value] of Object.entries(patch)) {
    next.delete(key);
    if (value === null || value === undefined || value === '') continue;
    for (const item of typeof value === 'string' ? [value] : value) next.append(key, item);
  }
  return next;
}

/** A path with its query string; characters that read well in a query string stay readable. */
export function buildHref(path: string, params: URLSearchParams): string {
  const text = params.toString().replace(/%3A/g, ':').replace(/%2C/g, ',').replace(/%2F/g, '/');
  return text ? `${path}?${text}` : path;
}

/* Explore, metrics. */

export type MetricsView = 'graph' | 'table';

export interface MetricsQuery {
  expr: string;
  hidden: boolean;
}

export interface MetricsState {
  queries: MetricsQuery[];
  view: MetricsView;
  stacked: boolean;
}

/** Also reads Prometheus' own links: `/graph?g0.expr=up&g0.tab=1`. */
export function decodeMetrics(params: URLSearchParams): MetricsState {
  const own = params.getAll('q');
  const hidden = new Set((params.get('hide') ?? '').split(',').filter(Boolean));
  const exprs = own.length > 0 ? own : prometheusExprs(params);
  const table = params.get('view') === 'table' || (own.length === 0 && params.get('g0.tab') === '1');
  const queries = (exprs.length > 0 ? exprs : ['']).map((expr, i) => ({ expr, hidden: hidden.has(String(i)) }));
  return { queries, view: table ? 'table' : 'graph', stacked: params.get('stack') === '1' };
}

function prometheusExprs(params: URLSearchParams): string[] {
  const exprs: string[] = [];
  for (let i = 0; params.has(`g${i}.expr`); i++) exprs.push(params.get(`g${i}.expr`) ?? '');
  return exprs;
}

export function encodeMetrics(state: MetricsState): Params {
  const hide = state.queries.flatMap((q, i) => (q.hidden ? [String(i)] : [])).join(',');
  return { q: state.queries.map((q) => q.expr), hide, view: state.view === 'table' ? 'table' : null, stack: state.stacked ? '1' : null };
}

/* Dashboards. */

export interface DashboardState {
  /** Chosen values by variable; absent means the dashboard's own choice. */
  vars: Record<string, string[]>;
  viewPanel: string | null;
}

export function decodeDashboard(params: URLSearchParams): DashboardState {
  const vars: Record<string, string[]> = {};
  for (const key of new Set(params.keys())) if (key.startsWith('var-')) vars[key.slice(4)] = params.getAll(key);
  return { vars, viewPanel: params.get('viewPanel') };
}

export function encodeDashboard(state: DashboardState): Params {
  const out: Params = { viewPanel: state.viewPanel };
  for (const [name, values] of Object.entries(state.vars)) out[`var-${name}`] = values;
  return out;
}

/* Lists with filters. */

/** A comma-separated set in one parameter; empty means everything. */
export function decodeSet(params: URLSearchParams, key: string): Set<string> {
  return new Set((params.get(key) ?? '').split(',').filter(Boolean));
}

export function encodeSet(values: ReadonlySet<string>): string {
  return [...values].sort().join(',');
}
