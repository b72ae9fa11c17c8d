/** Prometheus' exemplars: single events behind a series, with the trace they belong to. */

import type { Labels } from '../lib/labels';
import { request } from './http';

export interface Exemplar {
  labels: Labels;
  value: number;
  /** Seconds. */
  timestamp: number;
  series: Labels;
}

export async function exemplars(query: string, window: { fromMs: number; toMs: number }, signal?: AbortSignal): Promise<Exemplar[]> {
  const body = (await request('/api/v1/query_exemplars', { query, start: window.fromMs / 1000, end: window.toMs / 1000 }, signal)) as {
    data: { seriesLabels: Labels; exemplars: { labels: Labels; value: string; timestamp: number }[] }[] | null;
  };
  const all = (body.data ?? []).flatMap((s) => s.exemplars.map((e) => ({ labels: e.labels, value: Number(e.value), timestamp: e.timestamp, series: s.seriesLabels })));
  // One event may stand behind several buckets and scrapes.
  return [...new Map(all.map((e) => [JSON.stringify([e.labels, e.timestamp, e.value]), e])).values()];
}

/** The trace that an exemplar names, under any of the usual labels. */
export function traceOf(exemplar: Exemplar): string | undefined {
  return exemplar.labels['trace_id'] ?? exemplar.labels['traceID'] ?? exemplar.labels['traceId'];
}
