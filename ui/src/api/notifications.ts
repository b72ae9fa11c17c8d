/** Notifications on record, the receivers they go to, the routes that choose them, and heartbeats. */

import type { Labels } from '../lib/labels';
import { request, submit } from './http';

export type Outcome = 'delivered' | 'failed';
export type Purpose = 'alert' | 'test' | 'drill' | 'escalation';

export interface Notification {
  id: string | number;
  atMs: number;
  receiver: string;
  kind: string;
  integration: string;
  groupKey: string;
  groupLabels: Labels;
  reason: string;
  outcome: Outcome;
  attempts: number;
  durationMs: number;
  error: string | null;
  firing: number;
  resolved: number;
  alertnames: string[];
  incidentId: string | null;
  purpose: Purpose;
}

export interface NotificationDetail extends Notification {
  payload: string;
  contentType: string;
  tries: { atMs: number; error: string | null }[];
}

export interface NotificationFilter {
  limit?: number;
  before?: string;
  receiver?: string;
  outcome?: string;
  alertname?: string;
  incident?: string;
}

export async function notifications(f: NotificationFilter, signal?: AbortSignal): Promise<{ notifications: Notification[]; next: string | number | null }> {
  return (await request('/api/skopos/notifications', { ...f }, signal)) as { notifications: Notification[]; next: string | number | null };
}

export async function notification(id: string, signal?: AbortSignal): Promise<NotificationDetail> {
  return (await request(`/api/skopos/notifications/${encodeURIComponent(id)}`, {}, signal)) as NotificationDetail;
}

export interface Integration {
  kind: string;
  integration: string;
  sendResolved: boolean;
  sent: number;
  failed: number;
  lastAtMs: number | null;
  lastOutcome: Outcome | null;
  lastError: string | null;
}

export interface Receiver {
  name: string;
  labels: Labels;
  integrations: Integration[];
}

export interface Receivers {
  receivers: Receiver[];
  /** Addresses of outside Alertmanagers that get every alert too. */
  outside?: string[];
}

export async function receivers(signal?: AbortSignal): Promise<Receivers> {
  return (await request('/api/skopos/receivers', {}, signal)) as Receivers;
}

/** What one integration answered to a test or a drill. */
export interface SendResult {
  receiver?: string;
  integration: string;
  outcome: Outcome;
  error: string | null;
  durationMs: number;
  payload?: string;
  notificationId: string | number | null;
}

export async function testReceiver(name: string): Promise<SendResult[]> {
  return ((await submit('POST', `/api/skopos/receivers/${encodeURIComponent(name)}/test`, {})) as { results: SendResult[] }).results;
}

export interface Route {
  id: string | number;
  receiver: string;
  matchers: string[];
  continue: boolean;
  groupBy: string[];
  groupWaitMs: number;
  groupIntervalMs: number;
  repeatIntervalMs: number;
  muteTimeIntervals: string[];
  activeTimeIntervals: string[];
  labels?: Labels;
  routes: Route[];
}

export async function routes(signal?: AbortSignal): Promise<Route> {
  return ((await request('/api/skopos/routes', {}, signal)) as { root: Route }).root;
}

export interface RouteMatch {
  id: string | number;
  receiver: string;
  groupKey: string;
}

export async function testRoutes(labels: Labels, signal?: AbortSignal): Promise<RouteMatch[]> {
  return ((await submit('POST', '/api/skopos/routes/test', { labels }, signal)) as { matches: RouteMatch[] }).matches;
}

export interface Heartbeat {
  name: string;
  url: string;
  intervalMs: number;
  lastOkMs: number | null;
  lastTryMs: number | null;
  error: string | null;
}

export async function heartbeats(signal?: AbortSignal): Promise<Heartbeat[]> {
  return ((await request('/api/skopos/heartbeats', {}, signal)) as { heartbeats: Heartbeat[] }).heartbeats;
}
