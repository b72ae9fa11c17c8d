/** Skopos' own JSON API under /api/skopos. */

import { request } from './http';

export interface SignalStats {
  series?: number;
  samples?: number;
  streams?: number;
  entries?: number;
  traces?: number;
  spans?: number;
  headBytes: number;
  walBytes: number;
  parts: number;
  partBytes: number;
  rows: number;
  oldestMs: number | null;
  newestMs: number | null;
}

export type Signal = 'metrics' | 'logs' | 'traces';

export interface Status {
  version: string;
  startTimeMs: number;
  uptimeSeconds: number;
  /** What only some servers have; an older server does not say. */
  parts?: { fleet: boolean; bus: boolean };
  process: { residentBytes: number; cpuSeconds: number; threads: number; openFds: number };
  storage: { path: string; diskBytes: number; diskFreeBytes: number; signals: Record<Signal, SignalStats> };
}

export async function status(signal?: AbortSignal): Promise<Status> {
  return (await request('/api/skopos/status', {}, signal)) as Status;
}

export interface LedgerEntry {
  tenant: string;
  signal: string;
  door: string;
  outcome: string;
  reason: string;
  count: number;
}

export async function ledger(signal?: AbortSignal): Promise<LedgerEntry[]> {
  return ((await request('/api/skopos/ledger', {}, signal)) as { entries: LedgerEntry[] }).entries;
}

export interface NamedCount {
  name: string;
  value: number;
}

/** What makes many series in the head; `created` and `removed` count since the start. */
export interface Cardinality {
  series: number;
  labelPairs: number;
  chunks: number;
  oldestMs: number | null;
  newestMs: number | null;
  created: number;
  removed: number;
  seriesByMetric: NamedCount[];
  createdByMetric: NamedCount[];
  valuesByLabel: NamedCount[];
  bytesByLabel: NamedCount[];
  seriesByPair: NamedCount[];
}

export async function cardinality(limit: number, signal?: AbortSignal): Promise<Cardinality> {
  return (await request('/api/skopos/cardinality', { limit }, signal)) as Cardinality;
}

export interface DashboardInfo {
  uid: string;
  title: string;
  folder: string;
  tags: string[];
  file: string;
  panels: number;
  warnings: string[];
}

export async function dashboards(signal?: AbortSignal): Promise<DashboardInfo[]> {
  return (await request('/api/skopos/dashboards', {}, signal)) as DashboardInfo[];
}

export interface DashboardAnswer {
  dashboard: unknown;
  meta: { folder: string; file: string; warnings: string[] };
}

export async function dashboard(uid: string, signal?: AbortSignal): Promise<DashboardAnswer> {
  return (await request(`/api/skopos/dashboards/${encodeURIComponent(uid)}`, {}, signal)) as DashboardAnswer;
}

export interface ConnectInfo {
  what: string;
  url: string;
  hint: string;
}

export async function connect(signal?: AbortSignal): Promise<ConnectInfo[]> {
  return (await request('/api/skopos/connect', { origin: location.origin }, signal)) as ConnectInfo[];
}
