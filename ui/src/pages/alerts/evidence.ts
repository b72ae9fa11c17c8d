/** What the evidence page asks beside the evidence itself. */

import { activeAlerts, type ActiveAlert } from '../../api/alertmanager';
import type { Evidence } from '../../api/evidence';
import { incidents, type Incident } from '../../api/incidents';
import { notifications, type Notification } from '../../api/notifications';
import * as loki from '../../api/loki';
import * as prometheus from '../../api/prometheus';
import type { PlotLine } from '../../components/SamplePlot.svelte';
import { formatDuration } from '../../lib/duration';
import { chartStep } from '../../lib/interval';
import { incidentAt } from '../../lib/incidents';
import { autoName } from '../../lib/labels';
import { exactMatchers } from '../../lib/matchers';
import type { Threshold } from '../../lib/threshold';
import type { Range } from '../../lib/time';

const BEFORE_MS = 15 * 60_000;
const LONGEST_MS = 6 * 3_600_000;
const POINTS = 240;

/** From some time before the first bad sample to now, or to a while after it fired. */
export function evidenceRange(e: Evidence, nowMs: number): Range {
  const samples = e.selectors.flatMap((s) => s.series.flatMap((one) => one.samples.map(([at]) => at)));
  const start = Math.min(e.firstBadMs ?? Infinity, e.pendingMs ?? Infinity, e.firedMs ?? nowMs);
  const fromMs = Math.max(start - LONGEST_MS, Math.min(start - BEFORE_MS, ...samples));
  return { fromMs, toMs: Math.min(nowMs, Math.max(start + LONGEST_MS, ...samples)) };
}

/** The compared side over time: what the threshold is drawn across. */
export async function decidingExpression(threshold: Threshold, range: Range, isLogs: boolean, signal: AbortSignal): Promise<PlotLine[]> {
  const asked = { query: threshold.expr, ...range, stepSeconds: chartStep(range.toMs - range.fromMs, POINTS) };
  const data = isLogs ? await matrixOfLogs(asked, signal) : (await prometheus.range(asked, signal)).data;
  const all = data.map((s) => s.metric);
  return data.map((s) => ({ name: autoName(s.metric, all, 'value'), times: (s.values ?? []).map(([t]) => t), values: (s.values ?? []).map(([, v]) => finite(v)) }));
}

async function matrixOfLogs(asked: loki.LogRequest, signal: AbortSignal): Promise<loki.LokiMatrixSeries[]> {
  const data = await loki.range(asked, signal);
  return data.resultType === 'matrix' ? data.result : [];
}

/** How many log lines the evidence keeps of a selector. */
export function linesNote(selector: Evidence['selectors'][number]): string {
  const count = selector.lines?.length ?? 0;
  return count === 1 ? '1 line as the rule read it' : `the newest ${count} lines as the rule read them`;
}

/** The samples that the evidence keeps, as lines. */
export function sampleLines(selector: Evidence['selectors'][number]): PlotLine[] {
  const all = selector.series.map((s) => s.labels);
  return selector.series.map((s) => ({ name: autoName(s.labels, all, selector.selector), times: s.samples.map(([ms]) => ms / 1000), values: s.samples.map(([, v]) => finite(v)) }));
}

function finite(text: string): number | null {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

export interface Around {
  alert: ActiveAlert | undefined;
  incident: Incident | undefined;
  notifications: Notification[];
}

const MAX_NOTIFICATIONS = 20;

/** A server that lacks one of the three leaves the others. */
export async function around(e: Evidence, signal: AbortSignal): Promise<Around> {
  const [active, known] = await Promise.all([
    activeAlerts({ matchers: exactMatchers(e.labels) }, signal).catch(() => []),
    incidents({ state: 'all', limit: 500, ...(e.firedMs === null ? {} : { fromMs: Math.round(e.firedMs - 86_400_000) }) }, signal).then((a) => a.incidents, () => []),
  ]);
  const incident = e.firedMs === null ? undefined : incidentAt(e.labels, known, e.firedMs);
  const alertname = e.labels['alertname'] ?? '';
  const told = await notifications({ limit: MAX_NOTIFICATIONS, alertname, ...(incident ? { incident: incident.id } : {}) }, signal).then((a) => a.notifications, () => []);
  return { alert: active.find((a) => a.fingerprint === e.fingerprint), incident, notifications: told };
}

const END_REASONS: Record<string, string> = { conditionOver: 'the condition was over', limitExceeded: 'the rule exceeded its limit', ruleRemoved: 'the rule was removed' };

/** Why an alert ended, in words; nothing while it goes on. */
export function endText(e: Pick<Evidence, 'endReason'>): string | undefined {
  return e.endReason ? (END_REASONS[e.endReason] ?? e.endReason) : undefined;
}

/** `for` as the server gives it: a text, or milliseconds. */
export function forText(value: string | number | null): string {
  if (value === null || value === '' || value === 0 || value === '0s') return 'at once';
  return typeof value === 'number' ? formatDuration(value) : value;
}
