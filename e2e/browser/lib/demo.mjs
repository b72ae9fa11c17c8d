// What the demo's fleet must have sent before the page can show it.

import { ask, until } from './scenario.mjs';

export const SERVICES = ['gateway', 'conversation-worker', 'tool-executor'];

/** A trace in which all services of the path took part, and a span of it that has log lines. */
export function fullTrace() {
  return until('a trace of all three services whose spans logged', async () => {
    const { data } = await ask('/jaeger/api/traces?service=gateway&limit=100');
    for (const trace of data) {
      const names = new Set(Object.values(trace.processes).map((p) => p.serviceName));
      if (!SERVICES.every((name) => names.has(name))) continue;
      const span = await loggingSpan(trace);
      if (span) return { id: trace.traceID, span };
    }
    return null;
  });
}

async function loggingSpan(trace) {
  const startUs = Math.min(...trace.spans.map((s) => s.startTime));
  const query = new URLSearchParams({
    query: `{service_name=~".+"} | trace_id="${trace.traceID.padStart(32, '0')}"`, start: `${startUs - 60_000_000}000`, end: `${startUs + 600_000_000}000`, limit: '200',
  });
  const response = await fetch(`${process.env.SKOPOS_URL}/loki/api/v1/query_range?${query}`, { headers: { 'X-Loki-Response-Encoding-Flags': 'categorize-labels' } });
  const { data } = await response.json();
  const ids = new Set(data.result.flatMap((stream) => stream.values.map(([, , kinds]) => kinds?.structuredMetadata?.span_id)));
  const span = trace.spans.find((s) => ids.has(s.spanID));
  return span && { id: span.spanID, name: span.operationName, service: trace.processes[span.processID].serviceName };
}

/** The first dashboard and its panels that ask something, rows unfolded. */
export async function firstDashboard() {
  const [first] = await until('a dashboard', async () => {
    const all = await ask('/api/skopos/dashboards');
    return all.length > 0 && all;
  });
  const { dashboard } = await ask(`/api/skopos/dashboards/${encodeURIComponent(first.uid)}`);
  const panels = dashboard.panels.flatMap((p) => (p.type === 'row' ? (p.panels ?? []) : [p]));
  return { ...first, panels: panels.filter((p) => p.title && !['text', 'dashlist'].includes(p.type)) };
}
