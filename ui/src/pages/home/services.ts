/** Rate, errors and duration of services: the queries, and rows made of their answers. */

import { quoteValue, type Labels } from '../../lib/labels';

export interface Trend {
  values: (number | null)[];
}

export interface ServiceRow {
  name: string;
  /** Where the numbers come from. */
  origin: 'spans' | 'http';
  rate: Trend;
  /** Errors a second. */
  errors: Trend;
  /** 95th percentile, milliseconds. */
  duration: Trend;
  /** The rate's query for Explore. */
  query: string;
}

export interface RedQueries {
  origin: ServiceRow['origin'];
  /** The label that names the service. */
  label: string;
  rate: string;
  errors: string | undefined;
  duration: string | undefined;
  /** Multiplies durations to milliseconds. */
  toMs: number;
  one: (service: string) => string;
}

const CALLS = 'traces_span_metrics_calls_total';
const BUCKET = 'traces_span_metrics_duration_milliseconds_bucket';
const ENTRY = 'span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"';
const FAILED = 'status_code="STATUS_CODE_ERROR"';

/** Entry spans tell what callers see; a service without any counts all its spans. */
export function spanQueries(window: string): RedQueries {
  const sum = (matchers: string): string => `sum by (service_name) (rate(${CALLS}{${matchers}}[${window}]))`;
  const buckets = (matchers: string): string => `sum by (le, service_name) (rate(${BUCKET}{${matchers}}[${window}]))`;
  return {
    origin: 'spans',
    label: 'service_name',
    rate: `${sum(ENTRY)} or ${sum('')}`,
    errors: `${sum(`${ENTRY}, ${FAILED}`)} or (${sum(FAILED)} unless on (service_name) ${sum(ENTRY)})`,
    duration: `histogram_quantile(0.95, ${buckets(ENTRY)} or ${buckets('')})`,
    toMs: 1,
    one: (service) => `sum by (span_name, status_code) (rate(${CALLS}{service_name=${quoteValue(service)}}[${window}]))`,
  };
}

/** Counters of requests as common libraries name them, the most telling first. */
export const HTTP_COUNTERS = [
  'http_requests_total', 'http_server_request_duration_seconds_count', 'http_server_requests_seconds_count', 'http_request_duration_seconds_count',
  'flask_http_request_total', 'starlette_requests_total', 'django_http_requests_total_by_method_total', 'grpc_server_handled_total',
] as const;

const HTTP_BUCKETS = ['http_request_duration_seconds_bucket', 'http_server_request_duration_seconds_bucket', 'http_server_requests_seconds_bucket', 'http_request_duration_highr_seconds_bucket'] as const;
/** All that are looked for. */
export const HTTP_METRICS: readonly string[] = [...HTTP_COUNTERS, ...HTTP_BUCKETS];
const CODE_LABELS = ['code', 'status', 'status_code', 'http_response_status_code', 'http_status_code'] as const;

/** Queries over scraped metrics; null where no known counter is there. */
export function httpQueries(names: ReadonlySet<string>, labels: readonly string[], window: string): RedQueries | null {
  const counter = HTTP_COUNTERS.find((n) => names.has(n));
  if (!counter) return null;
  const bucket = HTTP_BUCKETS.find((n) => names.has(n));
  const code = CODE_LABELS.find((l) => labels.includes(l));
  return {
    origin: 'http',
    label: 'job',
    rate: `sum by (job) (rate(${counter}[${window}]))`,
    errors: code ? `sum by (job) (rate(${counter}{${code}=~"5..|5xx"}[${window}]))` : undefined,
    duration: bucket ? `histogram_quantile(0.95, sum by (le, job) (rate(${bucket}[${window}])))` : undefined,
    toMs: 1000,
    one: (service) => `sum by (${code ?? 'job'}) (rate(${counter}{job=${quoteValue(service)}}[${window}]))`,
  };
}

export interface GridSeries {
  metric: Labels;
  values: (number | null)[];
}

/** One row a service, sorted by rate. */
export function toRows(queries: RedQueries, rate: readonly GridSeries[], errors: readonly GridSeries[], duration: readonly GridSeries[]): ServiceRow[] {
  const of = (series: readonly GridSeries[], name: string): (number | null)[] | undefined => series.find((s) => s.metric[queries.label] === name)?.values;
  return rate.filter((s) => s.metric[queries.label]).map((s) => {
    const name = s.metric[queries.label] ?? '';
    const failed = of(errors, name);
    return {
      name,
      origin: queries.origin,
      rate: { values: s.values },
      errors: { values: s.values.map((v, i) => (v === null ? null : (failed?.[i] ?? 0))) },
      duration: { values: (of(duration, name) ?? []).map((v) => (v === null ? null : v * queries.toMs)) },
      query: queries.one(name),
    };
  });
}

/** Spans win over scraped metrics of the same name; what Skopos does itself comes last. */
export function mergeRows(spans: readonly ServiceRow[], http: readonly ServiceRow[]): ServiceRow[] {
  const names = new Set(spans.map((r) => r.name));
  const all = [...spans, ...http.filter((r) => !names.has(r.name))];
  return all.sort((a, b) => Number(isOwn(a.name)) - Number(isOwn(b.name)) || magnitude(b) - magnitude(a) || a.name.localeCompare(b.name));
}

/** Doublings of the mean rate: a coarse order, so that rows stay where they are from refresh to refresh. */
function magnitude(row: ServiceRow): number {
  const values = row.rate.values.filter((v): v is number => v !== null);
  const mean = values.reduce((total, v) => total + v, 0) / Math.max(1, values.length);
  return mean > 0 ? Math.round(Math.log2(mean)) : -Infinity;
}

/** Skopos and its host report by themselves. */
export const isOwn = (name: string): boolean => name === 'skopos' || name === 'host';

export function last(trend: Trend): number | null {
  for (let i = trend.values.length - 1; i >= 0; i--) {
    const value = trend.values[i];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

/** Errors among calls over the whole range, 0…1. */
export function errorShare(row: ServiceRow): number | null {
  const sum = (t: Trend): number => t.values.reduce<number>((total, v) => total + (v ?? 0), 0);
  const calls = sum(row.rate);
  return calls > 0 ? sum(row.errors) / calls : null;
}
