/** `$__interval` and its kin for one query. */

import { parseDuration, promDuration } from '../duration';
import { interval, rateInterval } from '../interval';
import type { Range } from '../time';

/** What a data source with the usual settings assumes between two scrapes. */
export const SCRAPE_MS = 15_000;

export interface StepInput {
  range: Range;
  maxDataPoints: number;
  /** Minimum of the panel and of the query: `1m`, `>10s`. */
  panelMin: string | undefined;
  queryMin: string | undefined;
  factor: number;
}

export interface Step {
  stepMs: number;
  intervalMs: number;
  rateMs: number;
}

const minimum = (text: string | undefined): number | null => (text ? parseDuration(text.replace(/^\s*>\s*/, '')) : null);

/** Minima may hold variables, which are interpolated before. */
export function queryStep(input: StepInput): Step {
  const span = input.range.toMs - input.range.fromMs;
  const queryMin = minimum(input.queryMin);
  const scrapeMs = queryMin ?? minimum(input.panelMin) ?? SCRAPE_MS;
  const intervalMs = interval(span, input.maxDataPoints, scrapeMs);
  // Eleven thousand points are the server's limit.
  const stepMs = Math.max(intervalMs * input.factor, Math.ceil(span / 11_000), 1);
  return { stepMs, intervalMs: stepMs, rateMs: rateInterval(stepMs, queryMin ?? SCRAPE_MS) };
}

/** Variables that depend on the time range alone. */
export function rangeBuiltins(range: Range): Record<string, string> {
  const span = range.toMs - range.fromMs;
  const seconds = Math.max(1, Math.round(span / 1000));
  return {
    __range: `${seconds}s`,
    __range_s: String(seconds),
    __range_ms: String(Math.round(span)),
    __from: String(Math.round(range.fromMs)),
    __to: String(Math.round(range.toMs)),
    __url_time_range: `from=${Math.round(range.fromMs)}&to=${Math.round(range.toMs)}`,
  };
}

export function stepBuiltins(step: Step): Record<string, string> {
  const text = (ms: number): string => promDuration(ms / 1000);
  return {
    __interval: text(step.intervalMs),
    __interval_ms: String(Math.round(step.intervalMs)),
    __rate_interval: text(step.rateMs),
    __rate_interval_ms: String(Math.round(step.rateMs)),
    __auto: text(step.intervalMs),
  };
}
