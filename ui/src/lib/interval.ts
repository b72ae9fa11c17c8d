/** Query steps, rounded as Grafana rounds `$__interval`. */

const STEPS_MS = [
  10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_200_000,
  1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 604_800_000, 2_592_000_000, 31_536_000_000,
];

/** The nearest step of the table: above the geometric-like middle it goes up. */
export function roundInterval(ms: number): number {
  for (let i = 0; i < STEPS_MS.length - 1; i++) {
    const [low, high] = [STEPS_MS[i] ?? 0, STEPS_MS[i + 1] ?? 0];
    if (ms < (low + high) / 2) return low;
  }
  return STEPS_MS[STEPS_MS.length - 1] ?? ms;
}

/** `$__interval` of a range over so many points, never below the minimum. */
export function interval(spanMs: number, maxPoints: number, minMs = 0): number {
  return Math.max(roundInterval(spanMs / Math.max(1, maxPoints)), minMs);
}

/** `$__rate_interval`: room for four scrapes, or one step and a scrape. */
export function rateInterval(intervalMs: number, scrapeMs: number): number {
  return Math.max(intervalMs + scrapeMs, 4 * scrapeMs);
}

/** A step for our own charts: whole seconds, at least one, below the server's 11000 points. */
export function chartStep(spanMs: number, points = 240): number {
  return Math.max(1, Math.round(interval(spanMs, points, 1000) / 1000));
}
