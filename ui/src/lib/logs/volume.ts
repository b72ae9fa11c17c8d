/** The histogram over a list of lines: counts by level as stacked bars. */

import type { LokiMatrixSeries } from '../../api/loki';
import { grid, onGrid } from '../chart/align';
import type { ChartData } from '../chart/model';
import type { GridSpec } from '../matrix';
import { LEVELS, toLevel, type Level } from './level';

export interface Volume extends ChartData {
  totals: Partial<Record<Level, number>>;
  total: number;
}

/** Counts stand in the middle of the step that they count. `color` gives each level's. */
export function toVolume(series: readonly LokiMatrixSeries[], spec: GridSpec, color: (level: Level) => string): Volume {
  const times = grid(spec.start, spec.end, spec.step);
  const byLevel = new Map<Level, number[]>();
  for (const one of series) {
    const level = toLevel(one.metric['detected_level'] ?? one.metric['level']);
    const sums = byLevel.get(level) ?? new Array<number>(times.length).fill(0);
    onGrid(one.values, spec.start, spec.step, times.length).forEach((v, i) => (sums[i] = (sums[i] ?? 0) + (v ?? 0)));
    byLevel.set(level, sums);
  }
  const totals: Volume['totals'] = {};
  // The gravest lie at the bottom, where their bars are easiest to compare.
  const out = LEVELS.flatMap((level) => {
    const values = byLevel.get(level);
    if (!values) return [];
    totals[level] = values.reduce((a, b) => a + b, 0);
    // A bar of no height would still draw its edge.
    const bars = values.map((v) => (v === 0 ? null : v));
    return [{ id: level, name: level, color: color(level), values: bars, draw: 'bars' as const, fillOpacity: 85 }];
  });
  return { times: times.map((t) => t - spec.step / 2), series: out, totals, total: Object.values(totals).reduce((a, b) => a + b, 0) };
}
