/** How time and errors spread over the services and operations of a trace. */

import type { SpanNode, Trace } from './model';

export interface StatRow {
  service: string;
  color: string;
  /** Empty in the row of a whole service. */
  operation: string;
  count: number;
  errors: number;
  totalUs: number;
  selfUs: number;
  averageUs: number;
  maxUs: number;
  /** Of the self time of all spans. */
  share: number;
}

export type StatKey = 'service' | 'count' | 'errors' | 'totalUs' | 'selfUs' | 'averageUs' | 'maxUs';

export function statistics(trace: Trace, by: 'service' | 'operation'): StatRow[] {
  const groups = new Map<string, SpanNode[]>();
  for (const span of trace.spans) {
    const key = by === 'service' ? span.service : `${span.service}\0${span.name}`;
    const group = groups.get(key);
    if (group) group.push(span);
    else groups.set(key, [span]);
  }
  const all = trace.spans.reduce((sum, s) => sum + s.selfUs, 0);
  return [...groups.values()].map((spans) => summarize(spans, by, all));
}

function summarize(spans: readonly SpanNode[], by: 'service' | 'operation', all: number): StatRow {
  const totalUs = spans.reduce((sum, s) => sum + s.durationUs, 0);
  const selfUs = spans.reduce((sum, s) => sum + s.selfUs, 0);
  return {
    service: spans[0]?.service ?? '', color: spans[0]?.color ?? '', operation: by === 'operation' ? (spans[0]?.name ?? '') : '',
    count: spans.length, errors: spans.filter((s) => s.error).length, totalUs, selfUs, averageUs: totalUs / spans.length,
    maxUs: spans.reduce((max, s) => Math.max(max, s.durationUs), 0), share: all > 0 ? selfUs / all : 0,
  };
}

export function sortStats(rows: readonly StatRow[], key: StatKey, descending: boolean): StatRow[] {
  const sign = descending ? -1 : 1;
  const compare = (a: StatRow, b: StatRow): number => (key === 'service' ? `${a.service} ${a.operation}`.localeCompare(`${b.service} ${b.operation}`) : a[key] - b[key]);
  return [...rows].sort((a, b) => sign * compare(a, b));
}
