/** Stacking: each series drawn on top of those before it in its group; negatives go down from zero. */

import type { ChartSeries, Stacking, Value } from './model';

export interface Stacked {
  values: Value[][];
  /** Pairs of series indexes, upper and lower, between which is filled. */
  bands: [number, number][];
}

/** Hidden series take no room. */
export function stack(series: readonly ChartSeries[], mode: Stacking): Stacked {
  const values = series.map((s) => [...s.values]);
  const bands: [number, number][] = [];
  if (mode === 'none') return { values, bands };
  const totals = mode === 'percent' ? sums(series) : null;
  const tops = new Map<string, { sum: number[]; last: number }>();
  series.forEach((s, i) => {
    if (s.hidden || s.stackGroup === '') return;
    const down = s.values.some((v) => v !== null && v < 0) && s.values.every((v) => v === null || v <= 0);
    const key = `${s.stackGroup ?? ''}${down ? '-' : '+'}`;
    const top = tops.get(key) ?? { sum: new Array<number>(s.values.length).fill(0), last: -1 };
    values[i] = s.values.map((v, t) => {
      const total = totals?.[t];
      const share = v === null ? 0 : totals ? (total ? (v / total) * 100 : 0) : v;
      top.sum[t] = (top.sum[t] ?? 0) + share;
      return v === null && top.last < 0 ? null : (top.sum[t] ?? 0);
    });
    if (top.last >= 0) bands.push([i, top.last]);
    top.last = i;
    tops.set(key, top);
  });
  return { values, bands };
}

function sums(series: readonly ChartSeries[]): number[] {
  const length = series[0]?.values.length ?? 0;
  return Array.from({ length }, (_, t) => series.reduce((sum, s) => sum + (s.hidden ? 0 : Math.abs(s.values[t] ?? 0)), 0));
}
