/** Proofs of alerting rules, what is dead, backtests, coverage and drills. */

import type { Labels } from '../lib/labels';
import { request, submit } from './http';
import type { SendResult } from './notifications';

export type Verdict = 'proven' | 'broken' | 'notProvable';

export interface WitnessSeries {
  series: string;
  /** As promtool writes them: `0+10x5 _x3`. */
  values: string;
}

/** Milliseconds since the virtual clock started. */
export interface ProofTimeline {
  firstBadMs: number | null;
  pendingMs: number | null;
  firingMs: number | null;
  notifiedMs: number | null;
  resolvedMs: number | null;
}

export interface Proof {
  file: string;
  group: string;
  name: string;
  line: number | null;
  expr: string;
  forMs: number;
  verdict: Verdict;
  where: string | null;
  why: string | null;
  /** What is odd, though it does not change the verdict. */
  notes?: string[];
  timeToFireMs: number | null;
  receivers: string[];
  message: { title: string; text: string; payload: string } | null;
  witness: WitnessSeries[];
  intervalMs: number;
  evaluationIntervalMs?: number;
  timeline: ProofTimeline | null;
  resolvedBy: string | null;
  /** The alerts as they fired. */
  alerts?: { labels: Labels; annotations: Labels }[];
}

export interface Report {
  atMs: number;
  durationMs: number;
  counts: Record<Verdict, number>;
  rules: Proof[];
}

export async function lastReport(signal?: AbortSignal): Promise<Report | null> {
  return ((await request('/api/skopos/prove', {}, signal)) as { report: Report | null }).report;
}

export async function proveNow(): Promise<Report | null> {
  return ((await submit('POST', '/api/skopos/prove')) as { report: Report | null }).report;
}

interface DeadSelector {
  selector: string;
  /** What its silence does to the expression; only a needed one keeps it from a result. */
  role?: 'needed' | 'alternative' | 'exclusion' | 'absence';
  /** Which part of it matches nothing, in words. */
  why?: string;
  lastSeenMs: number | null;
  /** Metrics, labels or `label="value"`. */
  nearest: string[];
}

export interface Dead {
  rules: (DeadSelector & { file: string; group: string; rule: string })[];
  panels: (DeadSelector & { uid: string; dashboard: string; panelId: number | null; panel: string })[];
  unread: { metric: string; series: number; job: string | null }[];
  /** How many there are, listed or not. */
  unreadTotal?: number;
}

export async function dead(signal?: AbortSignal): Promise<Dead> {
  return (await request('/api/skopos/dead', {}, signal)) as Dead;
}

export interface Firing {
  labels: Labels;
  startMs: number;
  endMs: number;
  ongoing: boolean;
  night: boolean;
}

export interface BacktestRule {
  name: string;
  expr: string;
  forMs: number;
  firings: Firing[];
  count: number;
  totalMs: number;
  nightCount: number;
  incidents: { matched: number; missed: number; extra: number } | null;
  /** The number that it compares with, where there is one. */
  threshold?: number | null;
  /** Evaluations that failed, and why the first did. */
  failures?: number;
  failure?: string | null;
}

export interface SweepPoint {
  /** Absent where one rule was asked about. */
  rule?: string;
  threshold: number | null;
  count: number;
  totalMs: number;
  nightCount: number;
}

export interface Backtest {
  rules: BacktestRule[];
  sweep: SweepPoint[] | null;
  notes?: string[];
}

export interface BacktestRequest {
  rules: string | null;
  rule: string | null;
  fromMs: number;
  toMs: number;
  stepMs?: number;
  sweep: { values: number[] } | null;
}

export async function backtest(body: BacktestRequest, signal?: AbortSignal): Promise<Backtest> {
  return (await submit('POST', '/api/skopos/backtest', body, signal)) as Backtest;
}

export interface CoverageRule {
  name: string;
  verdict: Verdict | null;
  receivers: string[];
  /** What says that it is about the service, and about the mode. */
  serviceWhy?: string;
  modeWhy?: string;
}

export interface Coverage {
  modes: string[];
  services: { service: string; cells: { mode: string; rules: CoverageRule[] }[] }[];
  /** Rules that belong to no cell. */
  unplaced?: { file: string; group: string; name: string; why: string }[];
  /** Services with series that no rule watches. */
  unwatched?: string[];
}

export async function coverage(signal?: AbortSignal): Promise<Coverage> {
  return (await request('/api/skopos/coverage', {}, signal)) as Coverage;
}

export interface Drill {
  id: string;
  alert: string;
  labels: Labels;
  matches: { receiver: string; groupKey: string }[];
  results: SendResult[];
}

export async function drill(alert: string, labels?: Labels): Promise<Drill> {
  return (await submit('POST', '/api/skopos/drill', labels ? { alert, labels } : { alert })) as Drill;
}
