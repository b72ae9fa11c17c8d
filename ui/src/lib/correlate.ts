/** From one signal to another: which service do these labels speak of, and what to ask for it. */

import { quoteValue, type Labels } from './labels';

const NAMES = ['service_name', 'service', 'job'] as const;

/** The one service that all label sets share, or null. */
export function correlatedService(all: readonly Labels[]): string | null {
  for (const name of NAMES) {
    const values = new Set(all.map((l) => l[name]));
    const [only] = values;
    if (values.size === 1 && only) return only;
  }
  return null;
}

export function serviceSelector(service: string): string {
  return `{service_name=${quoteValue(service)}}`;
}

/** All log lines of a trace. */
export function traceLogsQuery(traceId: string): string {
  return `{service_name=~".+"} | trace_id=${quoteValue(traceId)}`;
}

/** All log lines of a span. */
export function spanLogsQuery(traceId: string, spanId: string): string {
  return `${traceLogsQuery(traceId)} | span_id=${quoteValue(spanId)}`;
}
