/** Proofs: verdicts, the course of one, and its witness as numbers and as a promtool test. */

import type { BacktestRule, Coverage, CoverageRule, Firing, Proof, SweepPoint, Verdict, WitnessSeries } from '../api/prove';
import type { Tone } from './alerts';
import { promDuration } from './duration';
import type { Step } from './incidents';
import type { Labels } from './labels';

export const VERDICTS: readonly { verdict: Verdict; text: string; tone: Tone }[] = [
  { verdict: 'broken', text: 'broken', tone: 'crit' },
  { verdict: 'notProvable', text: 'not provable', tone: 'warn' },
  { verdict: 'proven', text: 'proven', tone: 'ok' },
];

export const verdictLook = (verdict: string): { text: string; tone: Tone } => VERDICTS.find((v) => v.verdict === verdict) ?? { text: verdict, tone: 'plain' };

/** Broken ones first; a text fits name, expression, file, group, reason or receiver. */
export function filterProofs(all: readonly Proof[], verdict: string | null, text: string): Proof[] {
  const needle = text.trim().toLowerCase();
  const rank = (p: Proof): number => VERDICTS.findIndex((v) => v.verdict === p.verdict);
  const fits = (p: Proof): boolean => [p.name, p.expr, p.file, p.group, p.where ?? '', p.why ?? '', ...p.receivers].some((t) => t.toLowerCase().includes(needle));
  return all.filter((p) => (!verdict || p.verdict === verdict) && (!needle || fits(p))).sort((a, b) => rank(a) - rank(b));
}

/** Names a proof within a report. */
export const proofKey = (p: Pick<Proof, 'file' | 'group' | 'name' | 'line'>): string => `${p.file}:${p.line ?? ''}:${p.group}:${p.name}`;

export function proofSteps(p: Proof): Step[] {
  const t = p.timeline;
  return [
    { name: 'First bad', atMs: t?.firstBadMs ?? null, tone: 'warn' },
    { name: 'Pending', atMs: t?.pendingMs ?? null, tone: 'warn' },
    { name: 'Firing', atMs: t?.firingMs ?? null, tone: 'crit' },
    { name: 'Notified', atMs: t?.notifiedMs ?? null, tone: 'info' },
    { name: 'Resolved', atMs: t?.resolvedMs ?? null, tone: 'ok' },
  ];
}

/** More values than this are cut: a plot needs no more. */
const MAX_VALUES = 5000;
const NUMBER = '[-+]?(?:\\d+(?:\\.\\d*)?|\\.\\d+|Inf|NaN)(?:e[-+]?\\d+)?';
const REPEATED = new RegExp(`^(${NUMBER})(?:([-+])(${NUMBER}))?x(\\d+)$`, 'i');

/** The values of promtool's notation: `1 2`, `0+10x3`, `5x2`, `_x4`, `stale`. What is no number is a gap. */
export function expandValues(text: string): (number | null)[] {
  const out: (number | null)[] = [];
  for (const word of text.replace(/\{\{.*?\}\}(x\d+)?/g, '_$1').split(/\s+/).filter(Boolean)) {
    const gap = /^(?:_|stale)(?:x(\d+))?$/.exec(word);
    if (gap) push(out, null, 0, Math.max(0, Number(gap[1] ?? 1) - 1));
    else {
      const match = REPEATED.exec(word);
      const step = match?.[3] === undefined ? 0 : Number(match[3]) * (match[2] === '-' ? -1 : 1);
      push(out, toNumber(match?.[1] ?? word), step, match ? Number(match[4]) : 0);
    }
    if (out.length >= MAX_VALUES) break;
  }
  return out;
}

function toNumber(text: string): number | null {
  const value = Number(text.replace(/inf/i, 'Infinity'));
  return Number.isFinite(value) ? value : null;
}

function push(out: (number | null)[], first: number | null, step: number, more: number): void {
  for (let i = 0; i <= more && out.length < MAX_VALUES; i++) out.push(first === null ? null : first + step * i);
}

/** The witness as a promtool unit test, for a person to run; JSON is YAML too. */
export function witnessYaml(p: Proof): string {
  const interval = promDuration(p.intervalMs / 1000);
  const evaluation = promDuration((p.evaluationIntervalMs ?? p.intervalMs) / 1000);
  const quote = (text: string): string => `'${text.replace(/'/g, "''")}'`;
  const series = p.witness.map((w) => `      - series: ${quote(w.series)}\n        values: ${quote(w.values)}`);
  const at = p.timeline?.firingMs == null ? null : promDuration(p.timeline.firingMs / 1000);
  const pairs = (values: Labels): string => JSON.stringify(Object.fromEntries(Object.entries(values).filter(([name]) => name !== 'alertname')));
  const alerts = (p.alerts ?? []).map((a) => `          - {exp_labels: ${pairs(a.labels)}, exp_annotations: ${pairs(a.annotations)}}`);
  const check = at === null ? [] : ['    alert_rule_test:', `      - alertname: ${p.name}`, `        eval_time: ${at}`, ...(alerts.length > 0 ? ['        exp_alerts:', ...alerts] : [])];
  return [`rule_files: [${quote(p.file)}]`, `evaluation_interval: ${evaluation}`, 'tests:', `  - interval: ${interval}`, '    input_series:', ...series, ...check, ''].join('\n');
}

/** All series of a witness on one grid that starts at zero, in seconds. */
export function witnessChart(witness: readonly WitnessSeries[], intervalMs: number): { times: number[]; series: { name: string; values: (number | null)[] }[] } {
  const all = witness.map((w) => ({ name: w.series, values: expandValues(w.values) }));
  const length = Math.max(0, ...all.map((s) => s.values.length));
  return {
    times: Array.from({ length }, (_, i) => (i * intervalMs) / 1000),
    series: all.map((s) => ({ ...s, values: [...s.values, ...new Array<null>(length - s.values.length).fill(null)] })),
  };
}

/** A list of numbers as a person writes it: `1, 2.5 10`, or `0.5..3 by 0.5`; null when it is none. */
export function parseSweep(text: string): number[] | null {
  const range = /^\s*(\S+?)\s*\.\.\s*(\S+)(?:\s+by\s+(\S+))?\s*$/.exec(text);
  if (!range) {
    const values = text.split(/[\s,;]+/).filter(Boolean).map(Number);
    return values.every(Number.isFinite) ? values : null;
  }
  const [from, to] = [Number(range[1]), Number(range[2])];
  const step = range[3] === undefined ? (to - from) / 10 : Number(range[3]);
  if (![from, to, step].every(Number.isFinite) || step <= 0 || to < from || (to - from) / step > 200) return null;
  return Array.from({ length: Math.floor((to - from) / step + 1e-9) + 1 }, (_, i) => Number((from + i * step).toPrecision(12)));
}

/** Around a threshold: a quarter of it to four times it. */
export function sweepAround(threshold: number): number[] {
  return [0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 4].map((f) => Number((threshold * f).toPrecision(6)));
}

/** Hours that count as night, in UTC. */
export const NIGHT = { fromHour: 22, toHour: 6 } as const;

/** The nights of a range, cut at its ends. */
export function nights(fromMs: number, toMs: number): { fromMs: number; toMs: number }[] {
  const out: { fromMs: number; toMs: number }[] = [];
  const [day, hour] = [86_400_000, 3_600_000];
  for (let midnight = Math.floor(fromMs / day) * day - day; midnight <= toMs; midnight += day) {
    const [start, end] = [midnight + NIGHT.fromHour * hour, midnight + day + NIGHT.toHour * hour];
    if (end > fromMs && start < toMs) out.push({ fromMs: Math.max(fromMs, start), toMs: Math.min(toMs, end) });
  }
  return out;
}

/** Firings of a rule by label set, the ones that fired longest first. */
export function firingRows(firings: readonly Firing[], name: (f: Firing) => string): { name: string; firings: Firing[]; totalMs: number }[] {
  const rows = new Map<string, Firing[]>();
  for (const f of firings) rows.set(name(f), [...(rows.get(name(f)) ?? []), f]);
  return [...rows].map(([key, all]) => ({ name: key, firings: all, totalMs: all.reduce((sum, f) => sum + f.endMs - f.startMs, 0) })).sort((a, b) => b.totalMs - a.totalMs);
}

export type CellKind = 'proven' | 'unproven' | 'gap';

/** A cell is covered when a proven rule watches it and someone is told. */
export function cellKind(rules: readonly CoverageRule[]): CellKind {
  if (rules.length === 0) return 'gap';
  return rules.some((r) => r.verdict === 'proven' && r.receivers.length > 0) ? 'proven' : 'unproven';
}

/** Covered cells among all. */
export function coverageShare(c: Coverage): { covered: number; all: number } {
  const cells = c.services.flatMap((s) => c.modes.map((mode) => s.cells.find((cell) => cell.mode === mode)?.rules ?? []));
  return { covered: cells.filter((rules) => cellKind(rules) === 'proven').length, all: cells.length };
}

/** A sweep's points of one rule with the rule as it is among them, by rising threshold. */
export function sweepOf(rule: BacktestRule, sweep: readonly SweepPoint[]): { threshold: number; count: number; totalMs: number; nightCount: number; current: boolean }[] {
  const own = sweep.filter((p) => (p.rule ?? rule.name) === rule.name && p.threshold !== null);
  if (own.length === 0) return [];
  const as = (p: { count: number; totalMs: number; nightCount: number }, threshold: number): ReturnType<typeof sweepOf>[number] => ({ threshold, count: p.count, totalMs: p.totalMs, nightCount: p.nightCount, current: threshold === rule.threshold });
  const points = own.map((p) => as(p, p.threshold ?? 0));
  if (rule.threshold != null && !points.some((p) => p.current)) points.push(as(rule, rule.threshold));
  return points.sort((a, b) => a.threshold - b.threshold);
}
