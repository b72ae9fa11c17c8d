/** Time ranges for what belongs to a trace. */

import type { SpanNode, Trace } from '../../lib/traces/model';

/** Clocks of log shippers and hosts differ; this much is asked on either side. */
const MARGIN_MS = 60_000;
const METRICS_MS = 10 * 60_000;

interface FromTo {
  from: string;
  to: string;
}

const range = (fromMs: number, toMs: number): FromTo => ({ from: String(Math.floor(fromMs)), to: String(Math.ceil(toMs)) });

export function aroundTrace(trace: Trace): FromTo {
  return range(trace.startUs / 1000 - MARGIN_MS, (trace.startUs + trace.durationUs) / 1000 + MARGIN_MS);
}

export function aroundSpan(trace: Trace, span: SpanNode): FromTo {
  return range((trace.startUs + span.startUs) / 1000 - MARGIN_MS, (trace.startUs + span.endUs) / 1000 + MARGIN_MS);
}

/** Enough on both sides to see what was usual. */
export function metricsAround(trace: Trace, span: SpanNode): FromTo {
  return range((trace.startUs + span.startUs) / 1000 - METRICS_MS, (trace.startUs + span.endUs) / 1000 + METRICS_MS);
}
