/** Recent errors of all services: log lines and spans, equal ones counted together. */

import type { JaegerSpan, JaegerTrace } from '../../api/jaeger';
import type { LokiStream } from '../../api/loki';
import type { Labels } from '../../lib/labels';

export interface Failure {
  key: string;
  kind: 'log' | 'span';
  service: string;
  text: string;
  /** Of the newest. */
  ms: number;
  count: number;
  traceId: string | undefined;
}

/** Numbers, ids and quoted parts differ between lines that say the same. */
export function pattern(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27,}/gi, '#')
    .replace(/\b[0-9a-f]{12,}\b/gi, '#')
    .replace(/\d+(\.\d+)?/g, '#')
    .slice(0, 160);
}

/** The message inside a structured line. */
export function messageOf(line: string): string {
  const trimmed = line.trim();
  if (trimmed.startsWith('{')) {
    try {
      const fields = JSON.parse(trimmed) as Record<string, unknown>;
      const found = fields['msg'] ?? fields['message'] ?? fields['event'] ?? fields['error'];
      if (typeof found === 'string' && found) return found;
    } catch {
      return trimmed;
    }
  }
  return /\b(?:msg|message)="((?:[^"\\]|\\.)*)"/.exec(trimmed)?.[1]?.replace(/\\"/g, '"') ?? trimmed;
}

const serviceOf = (labels: Labels): string => labels['service_name'] ?? labels['service'] ?? labels['job'] ?? 'unknown';

export function logFailures(streams: readonly LokiStream[]): Failure[] {
  return streams.flatMap((s) =>
    s.values.map(([ns, line, extra]): Failure => {
      const labels = { ...s.stream, ...extra?.structuredMetadata, ...extra?.parsed };
      const [service, text] = [serviceOf(labels), messageOf(line)];
      return { key: `log:${service}:${pattern(text)}`, kind: 'log', service, text, ms: Number(BigInt(ns) / 1_000_000n), count: 1, traceId: labels['trace_id'] ?? labels['traceID'] };
    }),
  );
}

const tag = (span: JaegerSpan, key: string): unknown => span.tags.find((t) => t.key === key)?.value;
const failed = (span: JaegerSpan): boolean => tag(span, 'error') === true || tag(span, 'error') === 'true' || tag(span, 'otel.status_code') === 'ERROR';

/** Of each trace the failed span below which no other failed: where it began. */
export function spanFailures(traces: readonly JaegerTrace[]): Failure[] {
  const unique = [...new Map(traces.map((t) => [t.traceID, t])).values()];
  return unique.flatMap((trace) => {
    const bad = trace.spans.filter(failed);
    const parents = new Set(bad.flatMap((s) => s.references.map((r) => r.spanID)));
    const origin = bad.find((s) => !parents.has(s.spanID));
    if (!origin) return [];
    const service = trace.processes[origin.processID]?.serviceName ?? 'unknown';
    const exception = origin.logs.flatMap((l) => l.fields).find((f) => f.key === 'exception.message')?.value;
    const why = String(exception ?? tag(origin, 'otel.status_description') ?? tag(origin, 'error.type') ?? tag(origin, 'http.response.status_code') ?? tag(origin, 'http.status_code') ?? '');
    const path = String(tag(origin, 'http.route') ?? tag(origin, 'url.path') ?? tag(origin, 'url.full') ?? '').replace(/^https?:\/\/[^/]+/, '');
    const name = path && !origin.operationName.includes('/') ? `${origin.operationName} ${path}` : origin.operationName;
    const text = why ? `${name}: ${why}` : name;
    return [{ key: `span:${service}:${pattern(text)}`, kind: 'span' as const, service, text, ms: origin.startTime / 1000, count: 1, traceId: trace.traceID }];
  });
}

/** Equal ones become one with the newest's time, newest first. */
export function groupFailures(all: readonly Failure[], most: number): Failure[] {
  const groups = new Map<string, Failure>();
  for (const one of all) {
    const before = groups.get(one.key);
    const newest = !before || one.ms > before.ms ? one : before;
    groups.set(one.key, { ...newest, count: (before?.count ?? 0) + one.count });
  }
  return [...groups.values()].sort((a, b) => b.ms - a.ms).slice(0, most);
}
