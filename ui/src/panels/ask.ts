/** Sends a panel's queries and brings the answers together; one that fails leaves the others. */

import { ApiError } from '../api/http';
import { exemplars, type Exemplar } from '../api/exemplars';
import * as loki from '../api/loki';
import * as prometheus from '../api/prometheus';
import type { Answer, RawLine, RawRow } from '../lib/dashboard/frames';
import type { Plan, PlannedQuery } from '../lib/dashboard/plan';
import type { Range } from '../lib/time';

export interface PanelError {
  refId: string;
  expr: string;
  error: ApiError;
}

export interface PanelAnswer {
  answers: Answer[];
  errors: PanelError[];
  notices: string[];
  exemplars: Exemplar[];
  /** The range that was asked. */
  range: Range;
  tookMs: number;
}

interface One {
  answer: Answer;
  notices: string[];
}

export async function askPanel(plan: Plan, signal: AbortSignal): Promise<PanelAnswer> {
  const started = performance.now();
  const [settled, points] = await Promise.all([
    Promise.allSettled(plan.queries.map((q) => (q.source === 'loki' ? askLoki(q, plan.range, signal) : askPrometheus(q, plan.range, signal)))),
    Promise.all(plan.queries.filter((q) => q.source === 'prometheus' && q.target.exemplar).map((q) => exemplars(q.expr, plan.range, signal).catch(() => []))),
  ]);
  signal.throwIfAborted();
  const good = settled.flatMap((s) => (s.status === 'fulfilled' ? [s.value] : []));
  const errors = settled.flatMap((s, i): PanelError[] => {
    const query = plan.queries[i];
    return s.status === 'rejected' && query ? [{ refId: query.target.refId, expr: query.expr, error: ApiError.from(s.reason) }] : [];
  });
  return { answers: good.map((g) => g.answer), errors, notices: good.flatMap((g) => g.notices), exemplars: points.flat(), range: plan.range, tookMs: performance.now() - started };
}

async function askPrometheus(query: PlannedQuery, range: Range, signal: AbortSignal): Promise<One> {
  const base = { target: query.target, expr: query.expr };
  if (query.instant) {
    const { data, warnings } = await prometheus.instant(query.expr, range.toMs, signal);
    const rows: RawRow[] = data.resultType === 'vector' ? data.result.flatMap((s) => (s.value ? [{ metric: s.metric, values: [s.value] }] : [])) : data.resultType === 'scalar' ? [{ metric: {}, values: [data.result] }] : [];
    return { answer: { ...base, rows }, notices: warnings };
  }
  const window = { ...range, stepSeconds: query.stepSeconds };
  const { data, warnings } = await prometheus.range({ query: query.expr, ...window }, signal);
  return { answer: { ...base, rows: data.map((s) => ({ metric: s.metric, values: s.values ?? [] })), spec: { ...prometheus.alignRange(window), step: query.stepSeconds } }, notices: warnings };
}

async function askLoki(query: PlannedQuery, range: Range, signal: AbortSignal): Promise<One> {
  const base = { target: query.target, expr: query.expr };
  if (query.instant) {
    const data = await loki.instant(query.expr, range.toMs, signal);
    if (data.resultType !== 'streams') return { answer: { ...base, rows: data.resultType === 'vector' ? data.result.map((s) => ({ metric: s.metric, values: [s.value] })) : [] }, notices: [] };
  }
  const stepSeconds = Math.max(1, Math.round(query.stepSeconds));
  // Loki aligns nothing by itself; on our grid the points of all series meet.
  const start = Math.floor(range.fromMs / 1000 / stepSeconds) * stepSeconds;
  const isLogs = /^\s*\{/.test(query.expr);
  const window = isLogs ? range : { fromMs: start * 1000, toMs: range.toMs };
  const data = await loki.range({ query: query.expr, ...window, limit: query.limit, stepSeconds, direction: 'backward' }, signal);
  if (data.resultType === 'streams') return { answer: { ...base, rows: [], lines: linesOf(data.result, query.limit) }, notices: [] };
  const rows = data.resultType === 'matrix' ? data.result.map((s) => ({ metric: s.metric, values: s.values })) : [];
  return { answer: { ...base, rows, spec: { start, end: Math.floor(range.toMs / 1000), step: stepSeconds } }, notices: [] };
}

function linesOf(streams: readonly loki.LokiStream[], limit: number): RawLine[] {
  const lines = streams.flatMap((s) => s.values.map(([ns, line, extra]) => ({ ns, line, labels: { ...s.stream, ...extra?.structuredMetadata, ...extra?.parsed } })));
  return lines.sort((a, b) => (a.ns < b.ns ? 1 : a.ns > b.ns ? -1 : 0)).slice(0, limit);
}
