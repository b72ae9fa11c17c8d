/** Incidents: their phases, how their events read, and their times as a chart. */

import type { EventKind, Incident, IncidentState, Totals } from '../api/incidents';
import type { Tone } from './alerts';
import type { IconName } from './icons';
import type { Labels } from './labels';

export const INCIDENT_TONES: Record<IncidentState, Tone> = { open: 'crit', acknowledged: 'warn', resolved: 'ok' };

/** Open before acknowledged before resolved, then the newest. */
export function sortIncidents(all: readonly Incident[]): Incident[] {
  const rank: IncidentState[] = ['open', 'acknowledged', 'resolved'];
  return [...all].sort((a, b) => rank.indexOf(a.state) - rank.indexOf(b.state) || b.startedMs - a.startedMs);
}

/** One step of a course of events; without a time it has not come yet. */
export interface Step {
  name: string;
  atMs: number | null;
  tone: Tone;
}

export function incidentSteps(i: Incident): Step[] {
  return [
    { name: 'First bad sample', atMs: i.firstBadMs, tone: 'warn' },
    { name: 'Firing', atMs: i.startedMs, tone: 'crit' },
    { name: 'Notified', atMs: i.notifiedMs, tone: 'info' },
    { name: 'Acknowledged', atMs: i.acknowledgedMs, tone: 'info' },
    { name: 'Resolved', atMs: i.resolvedMs, tone: 'ok' },
  ];
}

const EVENTS: Record<EventKind, { text: string; icon: IconName; tone: Tone }> = {
  firstBadSample: { text: 'First bad sample', icon: 'pulse', tone: 'warn' },
  pending: { text: 'Pending', icon: 'clock', tone: 'warn' },
  firing: { text: 'Firing', icon: 'bell', tone: 'crit' },
  notified: { text: 'Notified', icon: 'send', tone: 'info' },
  notificationFailed: { text: 'Notification failed', icon: 'warning', tone: 'crit' },
  silenced: { text: 'Silenced', icon: 'mute', tone: 'plain' },
  inhibited: { text: 'Inhibited', icon: 'eyeoff', tone: 'plain' },
  acknowledged: { text: 'Acknowledged', icon: 'check', tone: 'info' },
  escalated: { text: 'Escalated', icon: 'up', tone: 'warn' },
  note: { text: 'Note', icon: 'book', tone: 'plain' },
  resolved: { text: 'Resolved', icon: 'check', tone: 'ok' },
  reopened: { text: 'Opened again', icon: 'refresh', tone: 'crit' },
};

/** How an event reads; a kind of a newer server is its own text. */
export function eventLook(kind: string): { text: string; icon: IconName; tone: Tone } {
  return (EVENTS as Record<string, (typeof EVENTS)[EventKind] | undefined>)[kind] ?? { text: kind, icon: 'dots', tone: 'plain' };
}

/** The incidents that an alert with these labels can belong to: same group, name among its alerts. */
export function incidentsOf(labels: Labels, all: readonly Incident[]): Incident[] {
  const name = labels['alertname'] ?? '';
  return all.filter((i) => i.alertnames.includes(name) && Object.entries(i.groupLabels).every(([k, v]) => (labels[k] ?? '') === v));
}

/** The incident that ran when this alert fired; a little clock skew is allowed. */
export function incidentAt(labels: Labels, all: readonly Incident[], firedMs: number): Incident | undefined {
  const skew = 60_000;
  return incidentsOf(labels, all).find((i) => (i.firstBadMs ?? i.startedMs) <= firedMs + skew && (i.resolvedMs === null || i.resolvedMs >= firedMs - skew));
}

export type TimeKind = 'timeToDetectMs' | 'timeToAcknowledgeMs' | 'timeToRecoverMs';
export const TIME_KINDS: readonly { kind: TimeKind; text: string; short: string }[] = [
  { kind: 'timeToDetectMs', text: 'Time to detect', short: 'To detect' },
  { kind: 'timeToAcknowledgeMs', text: 'Time to acknowledge', short: 'To acknowledge' },
  { kind: 'timeToRecoverMs', text: 'Time to recover', short: 'To recover' },
];

/** Points of a chart: one time an incident, in seconds and rising; what is unknown is a gap. */
export function incidentTimes(all: readonly Incident[]): { times: number[]; values: Record<TimeKind, (number | null)[]> } {
  const sorted = [...all].sort((a, b) => a.startedMs - b.startedMs);
  const times: number[] = [];
  for (const i of sorted) times.push(Math.max(i.startedMs / 1000, (times.at(-1) ?? -Infinity) + 0.001));
  const of = (kind: TimeKind): (number | null)[] => sorted.map((i) => i[kind]);
  return { times, values: { timeToDetectMs: of('timeToDetectMs'), timeToAcknowledgeMs: of('timeToAcknowledgeMs'), timeToRecoverMs: of('timeToRecoverMs') } };
}

/** 0…1, or null when nothing was counted. */
export const targetShare = (t: Pick<Totals, 'count' | 'withinTarget'>): number | null => (t.count > 0 ? t.withinTarget / t.count : null);

/** How a time stands to the target. */
export function targetTone(ms: number | null, targetMs: number): Tone {
  if (ms === null) return 'plain';
  return ms > targetMs ? 'crit' : ms > targetMs * 0.8 ? 'warn' : 'ok';
}
