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
  limit?: number;
  stepSeconds?: number;
  direction?: 'backward' | 'forward';
}

const ns = (ms: number): string => `${Math.round(ms)}000000`;
const CATEGORIZE = { 'X-Loki-Response-Encoding-Flags': 'categorize-labels' };

export async function range(r: LogRequest, signal?: AbortSignal): Promise<LokiData> {
  const query = { query: r.query, start: ns(r.fromMs), end: ns(r.toMs), limit: r.limit, step: r.stepSeconds, direction: r.direction };
  return ((await request('/loki/api/v1/query_range', query, signal, CATEGORIZE)) as { data: LokiData }).data;
}

export async function instant(query: string, timeMs: number, signal?: AbortSignal): Promise<LokiData> {
  return ((await request('/loki/api/v1/query', { query, time: ns(timeMs) }, signal)) as { data: LokiData }).data;
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
