/** Answers of range and instant queries as chart series and table rows. */

import { grid, onGrid } from './chart/align';
import type { ChartData, ChartSeries } from './chart/model';
import { paletteColor } from './color';
import { autoName, formatSeries, type Labels } from './labels';

export interface RawSeries {
  metric: Labels;
  values?: readonly (readonly [number, string])[];
}

export interface RangeAnswer {
  expr: string;
  series: readonly RawSeries[];
}

export interface GridSpec {
  start: number;
  end: number;
  step: number;
}

/** More series than this cost more to draw than they tell. */
export const MAX_SERIES = 200;

/** All answers in one chart; series are named by what differs within their query. */
export function toChart(answers: readonly RangeAnswer[], spec: GridSpec, style: Partial<ChartSeries> = {}): ChartData & { dropped: number } {
  const times = grid(spec.start, spec.end, spec.step);
  const all = answers.flatMap((answer, q) => {
    const labels = answer.series.map((s) => s.metric);
    return answer.series.map((s) => ({ id: `${q}:${formatSeries(s.metric)}`, name: autoName(s.metric, labels, answer.expr), raw: s }));
  });
  const series = all.slice(0, MAX_SERIES).map(
    (s, i): ChartSeries => ({ id: s.id, name: s.name, labels: s.raw.metric, color: paletteColor(i), values: onGrid(s.raw.values ?? [], spec.start, spec.step, times.length), ...style }),
  );
  return { times, series, dropped: Math.max(0, all.length - MAX_SERIES) };
}

/** Names of the columns that a table of samples needs, the metric's name first. */
export function labelColumns(samples: readonly { metric: Labels }[]): string[] {
  const names = new Set(samples.flatMap((s) => Object.keys(s.metric)));
  const rest = [...names].filter((n) => n !== '__name__').sort();
  return names.has('__name__') ? ['__name__', ...rest] : rest;
}

/** Guesses a unit from Prometheus' naming conventions. */
export function guessUnit(expr: string): string {
  const names = [...expr.matchAll(/[a-zA-Z_:][\w:]*(?=\s*[{[)\s]|$)/g)].map((m) => m[0]);
  const name = names.find((n) => /_(seconds|bytes|milliseconds|ratio|celsius|percent)(_|$)/.test(n)) ?? '';
  const rated = /\b(rate|irate)\s*\(/.test(expr);
  if (expr.includes('/') && !/histogram_quantile|_sum/.test(expr)) return 'short';
  if (/histogram_quantile/.test(expr)) return /milliseconds/.test(name) ? 'ms' : /seconds/.test(name) ? 's' : /bytes/.test(name) ? 'bytes' : 'short';
  if (/_bytes(_total)?$/.test(name)) return rated ? 'binBps' : 'bytes';
  if (/_milliseconds$/.test(name)) return 'ms';
  if (/_timestamp_seconds$|_time_seconds$/.test(name)) return 'short';
  if (/_seconds$/.test(name)) return 's';
  if (/_seconds_total$/.test(name)) return rated ? 'short' : 's';
  return 'short';
}
