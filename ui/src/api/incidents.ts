/** Incidents: what fired together, from the first bad sample to the end. */

import type { Labels } from '../lib/labels';
import { request, submit } from './http';

export type IncidentState = 'open' | 'acknowledged' | 'resolved';

export interface Incident {
  id: string;
  title: string;
  state: IncidentState;
  severity: string | null;
  service: string | null;
  groupLabels: Labels;
  firstBadMs: number | null;
  startedMs: number;
  notifiedMs: number | null;
  acknowledgedMs: number | null;
  acknowledgedBy: string | null;
  resolvedMs: number | null;
  alerts: number;
  firing: number;
  alertnames: string[];
  timeToDetectMs: number | null;
  timeToAcknowledgeMs: number | null;
  timeToRecoverMs: number | null;
}

export interface Member {
  fingerprint: string;
  labels: Labels;
  annotations: Labels;
  state: 'pending' | 'firing' | 'resolved';
  firstBadMs: number | null;
  pendingMs: number | null;
  firedMs: number | null;
  resolvedMs: number | null;
}

export type EventKind =
  | 'firstBadSample' | 'pending' | 'firing' | 'notified' | 'notificationFailed' | 'silenced' | 'inhibited' | 'acknowledged' | 'escalated' | 'note' | 'resolved' | 'reopened';

export interface IncidentEvent {
  atMs: number;
  kind: EventKind;
  text: string;
  by?: string | null;
  fingerprint?: string | null;
  notificationId?: string | number | null;
}

export interface EscalationStep {
  afterMs: number;
  receiver: string;
  dueMs: number;
  doneMs: number | null;
}

export interface IncidentDetail extends Incident {
  members: Member[];
  timeline: IncidentEvent[];
  /** Entries that were dropped because there were too many. */
  omittedEntries?: number;
  escalation: { policy: string; steps: EscalationStep[] } | null;
}

export interface Incidents {
  incidents: Incident[];
  targetMs: number;
}

export interface IncidentFilter {
  state?: 'open' | 'resolved' | 'all';
  limit?: number;
  fromMs?: number;
  toMs?: number;
  service?: string;
}

export async function incidents(f: IncidentFilter = {}, signal?: AbortSignal): Promise<Incidents> {
  return (await request('/api/skopos/incidents', { state: f.state, limit: f.limit, from: f.fromMs, to: f.toMs, service: f.service }, signal)) as Incidents;
}

const at = (id: string, rest = ''): string => `/api/skopos/incidents/${encodeURIComponent(id)}${rest}`;

export async function incident(id: string, signal?: AbortSignal): Promise<IncidentDetail> {
  return (await request(at(id), {}, signal)) as IncidentDetail;
}

export async function acknowledge(id: string, by: string, note?: string): Promise<void> {
  await submit('POST', at(id, '/acknowledge'), note ? { by, note } : { by });
}

export async function addNote(id: string, by: string, text: string): Promise<void> {
  await submit('POST', at(id, '/notes'), { by, text });
}

export interface Spread {
  mean: number | null;
  median: number | null;
  p95: number | null;
  max: number | null;
}

export interface Totals {
  count: number;
  timeToDetectMs: Spread;
  timeToAcknowledgeMs: Spread;
  timeToRecoverMs: Spread;
  /** How many recovered within the target. */
  withinTarget: number;
}

export interface IncidentStats {
  targetMs: number;
  total: Totals;
  services: (Totals & { service: string })[];
}

export async function incidentStats(fromMs: number, toMs: number, signal?: AbortSignal): Promise<IncidentStats> {
  return (await request('/api/skopos/incidents/stats', { from: fromMs, to: toMs }, signal)) as IncidentStats;
}
