/** Loki's query API. */

import type { Labels } from '../lib/labels';
import { request } from './http';
import type { Point } from './prometheus';

/** Timestamp in nanoseconds as text, the line, and with categorised labels what belongs to the entry alone. */
export type LokiValue = [string, string, { structuredMetadata?: Labels; parsed?: Labels }?];

export interface LokiStream {
  stream: Labels;
  values: LokiValue[];
}

export interface LokiMatrixSeries {
  metric: Labels;
  values: Point[];
}

export type LokiData =
  | { resultType: 'streams'; result: LokiStream[]; stats?: LokiStats }
  | { resultType: 'matrix'; result: LokiMatrixSeries[]; stats?: LokiStats }
  | { resultType: 'vector'; result: { metric: Labels; value: Point }[]; stats?: LokiStats }
  | { resultType: 'scalar'; result: Point; stats?: LokiStats };

export interface LokiStats {
  summary?: { bytesProcessedPerSecond?: number; totalBytesProcessed?: number; totalLinesProcessed?: number; execTime?: number };
}

export interface LogRequest {
  query: string;
  fromMs: number;
  toMs: number;
  /** Nanoseconds as text; they win over the milliseconds. The start is part of the range, the end is not. */
  startNs?: string | undefined;
  endNs?: string | undefined;
  limit?: number;
  stepSeconds?: number;
  direction?: 'backward' | 'forward';
}

const ns = (ms: number): string => `${Math.round(ms)}000000`;
const CATEGORIZE = { 'X-Loki-Response-Encoding-Flags': 'categorize-labels' };

export async function range(r: LogRequest, signal?: AbortSignal): Promise<LokiData> {
  const query = { query: r.query, start: r.startNs ?? ns(r.fromMs), end: r.endNs ?? ns(r.toMs), limit: r.limit, step: r.stepSeconds, direction: r.direction };
  return ((await request('/loki/api/v1/query_range', query, signal, CATEGORIZE)) as { data: LokiData }).data;
}

export async function instant(query: string, timeMs: number, signal?: AbortSignal): Promise<LokiData> {
  return ((await request('/loki/api/v1/query', { query, time: ns(timeMs) }, signal, CATEGORIZE)) as { data: LokiData }).data;
}

interface Window {
  fromMs: number;
  toMs: number;
}

export async function labelNames(w: Window, signal?: AbortSignal): Promise<string[]> {
  const body = (await request('/loki/api/v1/labels', { start: ns(w.fromMs), end: ns(w.toMs) }, signal)) as { data?: string[] };
  return body.data ?? [];
}

export async function labelValues(name: string, w: Window, query?: string, signal?: AbortSignal): Promise<string[]> {
  const path = `/loki/api/v1/label/${encodeURIComponent(name)}/values`;
  const body = (await request(path, { start: ns(w.fromMs), end: ns(w.toMs), query }, signal)) as { data?: string[] };
  return body.data ?? [];
}

export interface IndexStats {
  streams: number;
  chunks: number;
  entries: number;
  bytes: number;
}

/** How much a selector holds, without reading its lines. */
export async function indexStats(query: string, w: Window, signal?: AbortSignal): Promise<IndexStats> {
  return (await request('/loki/api/v1/index/stats', { query, start: ns(w.fromMs), end: ns(w.toMs) }, signal)) as IndexStats;
}

/** Bytes by the values of a label, the most first. */
export async function volumes(label: string, w: Window, signal?: AbortSignal): Promise<{ value: string; bytes: number }[]> {
  const query = { query: `{${label}=~".+"}`, targetLabels: label, limit: 100, start: ns(w.fromMs), end: ns(w.toMs) };
  const body = (await request('/loki/api/v1/index/volume', query, signal)) as { data: { result: { metric: Labels; value: Point }[] } };
  return body.data.result.map((r) => ({ value: r.metric[label] ?? '', bytes: Number(r.value[1]) }));
}
