/** Puts series of a range query on one grid of times. */

import type { Value } from './model';

type RawPoint = readonly [number, string];

/** The grid of a range query, ends included. */
export function grid(start: number, end: number, step: number): number[] {
  const n = Math.max(0, Math.floor((end - start) / step + 1e-6)) + 1;
  return Array.from({ length: end < start ? 0 : n }, (_, i) => Number((start + i * step).toFixed(3)));
}

/** Values on the grid; a step without a sample, NaN and infinities are gaps. */
export function onGrid(values: readonly RawPoint[], start: number, step: number, length: number): Value[] {
  const out = new Array<Value>(length).fill(null);
  for (const [t, text] of values) {
    const i = Math.round((t - start) / step);
    const value = Number(text);
    if (i >= 0 && i < length && Number.isFinite(value)) out[i] = value;
  }
  return out;
}

/** Joins sorted time lists into one and maps each series on it. */
export function joinTimes(lists: readonly { times: readonly number[]; values: readonly Value[] }[]): { times: number[]; values: Value[][] } {
  const times = [...new Set(lists.flatMap((l) => l.times))].sort((a, b) => a - b);
  const at = new Map(times.map((t, i) => [t, i]));
  const values = lists.map((list) => {
    const out = new Array<Value>(times.length).fill(null);
    list.times.forEach((t, i) => (out[at.get(t) ?? 0] = list.values[i] ?? null));
    return out;
  });
  return { times, values };
}

/** Closes gaps of at most `maxMs` with the line between their ends; longer ones stay. */
export function bridgeGaps(times: readonly number[], values: readonly Value[], maxMs: number): Value[] {
  const out = [...values];
  let last = -1;
  for (let i = 0; i < out.length; i++) {
    const value = out[i];
    if (value === null || value === undefined) continue;
    const [t0, t1, from] = [times[last], times[i], out[last]];
    if (last >= 0 && i - last > 1 && t0 !== undefined && t1 !== undefined && from != null && (t1 - t0) * 1000 <= maxMs) {
      for (let j = last + 1; j < i; j++) out[j] = from + ((value - from) * ((times[j] ?? t0) - t0)) / (t1 - t0);
    }
    last = i;
  }
  return out;
}
