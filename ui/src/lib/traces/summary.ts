/** Rows of the search's result: what a trace is at a glance. */

import type { JaegerTrace } from '../../api/jaeger';
import { serviceColors } from './colors';
import { isError, parentId, type ServiceCount } from './model';
import type { TraceSort } from './state';

export interface TraceSummary {
  id: string;
  root: string;
  rootService: string;
  /** Whether the span named as root has a parent that is not there. */
  broken: boolean;
  services: ServiceCount[];
  spans: number;
  errors: number;
  /** Milliseconds since the epoch. */
  startMs: number;
  durationUs: number;
}

export function summarize(traces: readonly JaegerTrace[]): TraceSummary[] {
  const color = serviceColors(traces.flatMap((t) => Object.values(t.processes).map((p) => p.serviceName)));
  return traces.filter((t) => t.spans.length > 0).map((t) => summary(t, color));
}

function summary(trace: JaegerTrace, color: (name: string) => string): TraceSummary {
  const ids = new Set(trace.spans.map((s) => s.spanID));
  const counts = new Map<string, ServiceCount>();
  let [start, end, errors] = [Infinity, 0, 0];
  let root = trace.spans[0];
  const rank = (span: typeof root): number => (!span ? 9 : parentId(span) === null ? 0 : ids.has(parentId(span) ?? '') ? 2 : 1);
  for (const span of trace.spans) {
    const name = trace.processes[span.processID]?.serviceName ?? 'unknown';
    const count = counts.get(name) ?? { name, color: color(name), spans: 0, errors: 0 };
    count.spans++;
    if (isError(span)) {
      count.errors++;
      errors++;
    }
    counts.set(name, count);
    start = Math.min(start, span.startTime);
    end = Math.max(end, span.startTime + span.duration);
    if (!root || rank(span) < rank(root) || (rank(span) === rank(root) && span.startTime < root.startTime)) root = span;
  }
  return {
    id: trace.traceID, root: root?.operationName ?? '', rootService: trace.processes[root?.processID ?? '']?.serviceName ?? 'unknown', broken: rank(root) !== 0,
    services: [...counts.values()].sort((a, b) => b.spans - a.spans), spans: trace.spans.length, errors, startMs: start / 1000, durationUs: end - start,
  };
}

export function sortTraces(rows: readonly TraceSummary[], sort: TraceSort): TraceSummary[] {
  const order: Record<TraceSort, (a: TraceSummary, b: TraceSummary) => number> = {
    newest: (a, b) => b.startMs - a.startMs,
    longest: (a, b) => b.durationUs - a.durationUs,
    shortest: (a, b) => a.durationUs - b.durationUs,
    spans: (a, b) => b.spans - a.spans,
    errors: (a, b) => b.errors - a.errors || b.startMs - a.startMs,
  };
  return [...rows].sort(order[sort]);
}

export interface Dot {
  row: TraceSummary;
  /** 0…1 of the plot, from the left and from the bottom. */
  x: number;
  y: number;
  radius: number;
}

export interface DurationScale {
  log: boolean;
  minUs: number;
  maxUs: number;
}

/** Logarithmic where durations differ more than fifty times. */
export function durationScale(rows: readonly TraceSummary[]): DurationScale {
  const all = rows.map((r) => Math.max(1, r.durationUs));
  const [min, max] = [Math.min(...all), Math.max(...all)];
  if (max / min > 50) return { log: true, minUs: 10 ** Math.floor(Math.log10(min)), maxUs: max * 1.3 };
  return { log: false, minUs: 0, maxUs: max * 1.1 };
}

export function scaleShare(scale: DurationScale, us: number): number {
  if (!scale.log) return (us - scale.minUs) / (scale.maxUs - scale.minUs);
  return Math.log(Math.max(us, scale.minUs) / scale.minUs) / Math.log(scale.maxUs / scale.minUs);
}

export function scaleTicks(scale: DurationScale): number[] {
  if (!scale.log) {
    const raw = scale.maxUs / 4;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = ([1, 2, 5, 10].find((n) => n * power >= raw) ?? 10) * power;
    return Array.from({ length: Math.floor(scale.maxUs / step) + 1 }, (_, i) => i * step);
  }
  const out: number[] = [];
  for (let us = scale.minUs; us <= scale.maxUs; us *= 10) out.push(us);
  return out;
}

/** Big dots first, so that small ones stay reachable. */
export function toDots(rows: readonly TraceSummary[], fromMs: number, toMs: number, scale: DurationScale): Dot[] {
  const dots = rows.map((row) => ({
    row, x: (row.startMs - fromMs) / Math.max(1, toMs - fromMs), y: scaleShare(scale, row.durationUs), radius: Math.min(14, 3.5 + Math.sqrt(row.spans) * 0.6),
  }));
  return dots.sort((a, b) => b.radius - a.radius);
}
