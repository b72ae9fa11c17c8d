/** Alertmanager's API v2: alerts, groups, silences. */

import type { Labels } from '../lib/labels';
import { printMatcher, type Matcher } from '../lib/matchers';
import { request, submit } from './http';

export interface AlertStatus {
  state: 'unprocessed' | 'active' | 'suppressed';
  silencedBy: string[];
  inhibitedBy: string[];
  mutedBy?: string[];
}

export interface ActiveAlert {
  fingerprint: string;
  labels: Labels;
  annotations: Labels;
  startsAt: string;
  endsAt: string;
  updatedAt: string;
  generatorURL?: string;
  receivers: { name: string }[];
  status: AlertStatus;
}

export interface AlertGroup {
  labels: Labels;
  receiver: { name: string };
  alerts: ActiveAlert[];
}

export interface AlertFilter {
  matchers?: readonly Matcher[];
  /** The exact name of a receiver. */
  receiver?: string;
  silenced?: boolean;
  inhibited?: boolean;
  muted?: boolean;
}

const flag = (value: boolean | undefined): string | undefined => (value === undefined ? undefined : String(value));

const filterQuery = (f: AlertFilter): Record<string, string | readonly string[] | undefined> => ({
  filter: (f.matchers ?? []).map(printMatcher),
  receiver: f.receiver?.replace(/[\\^$*+?.()|[\]{}]/g, '\\$&'),
  silenced: flag(f.silenced),
  inhibited: flag(f.inhibited),
  muted: flag(f.muted),
});

export async function activeAlerts(filter: AlertFilter = {}, signal?: AbortSignal): Promise<ActiveAlert[]> {
  return (await request('/api/v2/alerts', filterQuery(filter), signal)) as ActiveAlert[];
}

export async function alertGroups(filter: AlertFilter = {}, signal?: AbortSignal): Promise<AlertGroup[]> {
  return (await request('/api/v2/alerts/groups', filterQuery(filter), signal)) as AlertGroup[];
}

export interface Silence {
  id: string;
  matchers: Matcher[];
  startsAt: string;
  endsAt: string;
  updatedAt: string;
  createdBy: string;
  comment: string;
  status: { state: 'active' | 'pending' | 'expired' };
}

/** What is sent to make or change a silence; an id names the one to change. */
export interface PostableSilence {
  id?: string;
  matchers: Matcher[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
}

export async function silences(signal?: AbortSignal): Promise<Silence[]> {
  return (await request('/api/v2/silences', {}, signal)) as Silence[];
}

export async function silence(id: string, signal?: AbortSignal): Promise<Silence> {
  return (await request(`/api/v2/silence/${encodeURIComponent(id)}`, {}, signal)) as Silence;
}

/** The id of the silence that now stands. */
export async function saveSilence(body: PostableSilence): Promise<string> {
  return ((await submit('POST', '/api/v2/silences', body)) as { silenceID: string }).silenceID;
}

export async function expireSilence(id: string): Promise<void> {
  await submit('DELETE', `/api/v2/silence/${encodeURIComponent(id)}`);
}
