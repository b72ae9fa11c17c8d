/** Asks what the home page shows. */

import * as jaeger from '../../api/jaeger';
import * as loki from '../../api/loki';
import * as prometheus from '../../api/prometheus';
import { grid, onGrid } from '../../lib/chart/align';
import { promDuration } from '../../lib/duration';
import { chartStep } from '../../lib/interval';
import type { Range } from '../../lib/time';
import { groupFailures, logFailures, spanFailures, type Failure } from './failures';
import { HTTP_COUNTERS, HTTP_METRICS, httpQueries, mergeRows, spanQueries, toRows, type GridSeries, type RedQueries, type ServiceRow } from './services';

const POINTS = 40;
/** Rates need four scrapes of the usual interval. */
const MIN_WINDOW_SECONDS = 60;
const MAX_LINES = 200;
const MAX_TRACES = 20;
const MAX_FAILURES = 12;

const windowOf = (step: number): string => promDuration(Math.max(MIN_WINDOW_SECONDS, step));

/** A range query on a coarse grid for small charts. */
export async function trend(query: string, range: Range, signal: AbortSignal): Promise<GridSeries[]> {
  const window = { ...range, stepSeconds: chartStep(range.toMs - range.fromMs, POINTS) };
  const { start, end } = prometheus.alignRange(window);
  const length = grid(start, end, window.stepSeconds).length;
  const { data } = await prometheus.range({ query, ...window }, signal);
  return data.map((s) => ({ metric: s.metric, values: onGrid(s.values ?? [], start, window.stepSeconds, length) }));
}

export const rateWindow = (range: Range): string => windowOf(chartStep(range.toMs - range.fromMs, POINTS));

async function rows(queries: RedQueries | null, range: Range, signal: AbortSignal): Promise<ServiceRow[]> {
  if (!queries) return [];
  const ask = (query: string | undefined): Promise<GridSeries[]> => (query ? trend(query, range, signal) : Promise.resolve([]));
  const [rate, errors, duration] = await Promise.all([ask(queries.rate), ask(queries.errors), ask(queries.duration)]);
  return toRows(queries, rate, errors, duration);
}

export async function loadServices(range: Range, signal: AbortSignal): Promise<ServiceRow[]> {
  const window = rateWindow(range);
  const names = new Set(await prometheus.labelValues('__name__', HTTP_METRICS, range, signal));
  const counter = HTTP_COUNTERS.find((n) => names.has(n));
  const labels = counter ? await prometheus.labelNames([counter], range, signal) : [];
  const [spans, http] = await Promise.all([rows(spanQueries(window), range, signal), rows(httpQueries(names, labels, window), range, signal)]);
  return mergeRows(spans, http);
}

const ERROR_LINES = '{service_name=~".+"} | detected_level=~"error|critical|fatal"';

/** Explore with the same lines. */
export const ERRORS_QUERY = ERROR_LINES;

export async function loadFailures(range: Range, services: readonly string[], signal: AbortSignal): Promise<Failure[]> {
  const lines = loki.range({ query: ERROR_LINES, ...range, limit: MAX_LINES, direction: 'backward' }, signal).then((data) => (data.resultType === 'streams' ? logFailures(data.result) : []));
  const spans = Promise.all(services.map((service) => jaeger.search({ service, tags: { error: 'true' }, limit: MAX_TRACES, ...range }, signal))).then((all) => spanFailures(all.flat()));
  const settled = await Promise.allSettled([lines, spans]);
  signal.throwIfAborted();
  const failed = settled.find((s) => s.status === 'rejected');
  const good = settled.flatMap((s) => (s.status === 'fulfilled' ? s.value : []));
  if (failed && good.length === 0) throw failed.reason;
  return groupFailures(good, MAX_FAILURES);
}

export interface Ingest {
  signal: string;
  values: (number | null)[];
}

/** The ledger where it is scraped; else each signal's own counter. */
function ingestQuery(window: string): string {
  const own = (metric: string, name: string): string => `label_replace(sum(rate(${metric}[${window}])), "signal", "${name}", "", "")`;
  return [
    `sum by (signal) (rate(skopos_ledger_items_total{outcome="stored"}[${window}]))`,
    own('skopos_scrape_samples_total', 'metrics'),
    own('skopos_logs_entries_stored_total', 'logs'),
    own('skopos_traces_spans_stored_total', 'traces'),
  ].join(' or ');
}

export async function loadIngest(range: Range, signal: AbortSignal): Promise<Ingest[]> {
  const series = await trend(ingestQuery(rateWindow(range)), range, signal);
  return series.map((s) => ({ signal: s.metric['signal'] ?? '', values: s.values }));
}

export interface HostTrend {
  name: string;
  unit: string;
  values: (number | null)[];
  /** Explore asks this. */
  query: string;
}

const HOST = 'job="host"';

/** Shares of 0…1; the fullest disk of those that hold data. */
const HOST_QUERIES = (window: string): [string, string][] => [
  ['CPU', `1 - avg(rate(node_cpu_seconds_total{${HOST}, mode="idle"}[${window}]))`],
  ['Memory', `1 - sum(node_memory_MemAvailable_bytes{${HOST}}) / sum(node_memory_MemTotal_bytes{${HOST}})`],
  ['Disk', `max(1 - node_filesystem_avail_bytes{${HOST}, fstype!~"tmpfs|overlay|squashfs"} / node_filesystem_size_bytes{${HOST}, fstype!~"tmpfs|overlay|squashfs"}) or max(1 - node_filesystem_avail_bytes{${HOST}} / node_filesystem_size_bytes{${HOST}})`],
];

export async function loadHost(range: Range, signal: AbortSignal): Promise<HostTrend[]> {
  const all = await Promise.all(HOST_QUERIES(rateWindow(range)).map(async ([name, query]) => ({ name, unit: 'percentunit', query, values: (await trend(query, range, signal))[0]?.values ?? [] })));
  return all.filter((t) => t.values.some((v) => v !== null));
}
