/** Jaeger's unversioned query API. */

import { request } from './http';

export interface JaegerTag {
  key: string;
  type: string;
  value: string | number | boolean;
}

export interface JaegerSpan {
  traceID: string;
  spanID: string;
  operationName: string;
  references: { refType: string; traceID: string; spanID: string }[];
  /** Microseconds since the epoch. */
  startTime: number;
  /** Microseconds. */
  duration: number;
  tags: JaegerTag[];
  logs: { timestamp: number; fields: JaegerTag[] }[];
  processID: string;
  warnings: string[] | null;
}

export interface JaegerTrace {
  traceID: string;
  spans: JaegerSpan[];
  processes: Record<string, { serviceName: string; tags: JaegerTag[] }>;
  warnings: string[] | null;
}

async function list<T>(path: string, query: Parameters<typeof request>[1], signal?: AbortSignal): Promise<T[]> {
  const body = (await request(`/jaeger/api/${path}`, query, signal)) as { data: T[] | null };
  return body.data ?? [];
}

export async function services(signal?: AbortSignal): Promise<string[]> {
  return (await list<string>('services', {}, signal)).sort();
}

export async function operations(service: string, signal?: AbortSignal): Promise<string[]> {
  const path = `services/${encodeURIComponent(service)}/operations`;
  return (await list<string>(path, {}, signal)).sort();
}

export interface TraceSearch {
  service: string;
  operation?: string;
  tags?: Record<string, string>;
  minDuration?: string;
  maxDuration?: string;
  limit: number;
  fromMs: number;
  toMs: number;
}

export function search(s: TraceSearch, signal?: AbortSignal): Promise<JaegerTrace[]> {
  const tags = s.tags && Object.keys(s.tags).length > 0 ? JSON.stringify(s.tags) : undefined;
  const query = {
    service: s.service, operation: s.operation, tags, minDuration: s.minDuration, maxDuration: s.maxDuration, limit: s.limit,
    start: Math.round(s.fromMs * 1000), end: Math.round(s.toMs * 1000),
  };
  return list('traces', query, signal);
}

export async function trace(id: string, signal?: AbortSignal): Promise<JaegerTrace | undefined> {
  return (await list<JaegerTrace>(`traces/${encodeURIComponent(id)}`, {}, signal))[0];
}
