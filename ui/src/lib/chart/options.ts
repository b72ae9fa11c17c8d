/** Turns our chart model into uPlot's options. Pure: colours of the theme come in as a function. */

import uPlot from 'uplot';
import { alpha } from '../color';
import { promDuration } from '../duration';
import { timeLabels, valueLabels, valueRange } from './axis';
import type { AxisOptions, ChartData, ChartOptions, ChartSeries, Interpolation } from './model';
import type { Stacked } from './stack';

export type Token = (name: string) => string;

export interface BuildInput {
  data: ChartData;
  stacked: Stacked;
  options: ChartOptions;
  width: number;
  height: number;
  token: Token;
  /** Seconds. */
  range: () => [number, number];
  compact: boolean;
  hooks: uPlot.Hooks.Arrays;
  plugins: uPlot.Plugin[];
}

const PATHS: Record<Interpolation, () => uPlot.Series.PathBuilder | undefined> = {
  linear: () => uPlot.paths.linear?.(),
  smooth: () => uPlot.paths.spline?.(),
  stepBefore: () => uPlot.paths.stepped?.({ align: -1 }),
  stepAfter: () => uPlot.paths.stepped?.({ align: 1 }),
};

/** Points that no line touches would be invisible. */
function lonely(u: uPlot, seriesIndex: number): number[] {
  const values = u.data[seriesIndex] ?? [];
  const out: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] != null && values[i - 1] == null && values[i + 1] == null) out.push(i);
  return out;
}

function toSeries(s: ChartSeries, stacked: boolean): uPlot.Series {
  const draw = s.draw ?? 'line';
  const opacity = (s.fillOpacity ?? 0) / 100;
  const paths = draw === 'bars' ? uPlot.paths.bars?.({ size: [0.82, 60] }) : draw === 'points' ? () => null : PATHS[s.interpolation ?? 'linear']();
  const always = s.points === 'always' || draw === 'points';
  return {
    label: s.name,
    show: !s.hidden,
    scale: s.axis === 'right' ? 'y2' : 'y',
    stroke: s.color,
    width: draw === 'bars' ? 1 : (s.lineWidth ?? 1.5),
    spanGaps: s.spanNulls === true,
    ...(s.dash ? { dash: s.dash } : {}),
    ...(opacity > 0 || draw === 'bars' ? { fill: fillOf(s, draw === 'bars' ? Math.max(opacity, 0.3) : opacity, stacked) } : {}),
    ...(paths ? { paths } : {}),
    points: { show: draw !== 'bars', size: always ? (s.pointSize ?? 5) : Math.max(4, (s.lineWidth ?? 1.5) * 2), ...(always ? {} : { filter: lonely }), fill: s.color },
  };
}

function fillOf(s: ChartSeries, opacity: number, stacked: boolean): uPlot.Series['fill'] {
  if (!s.gradient || stacked) return alpha(s.color, opacity);
  return (u) => {
    if (!u.bbox.height) return alpha(s.color, opacity);
    const gradient = u.ctx.createLinearGradient(0, u.bbox.top, 0, u.bbox.top + u.bbox.height);
    gradient.addColorStop(0, alpha(s.color, Math.min(1, opacity * 1.5)));
    gradient.addColorStop(1, alpha(s.color, 0));
    return gradient;
  };
}

function yAxis(axis: AxisOptions, side: 1 | 3, scale: string, input: BuildInput): uPlot.Axis {
  const font = `11px ${input.token('--font')}`;
  return {
    scale,
    side,
    stroke: () => input.token('--text-3'),
    font,
    gap: 6,
    space: 30,
    grid: { show: side === 3, stroke: () => input.token('--grid'), width: 1 },
    ticks: { show: false },
    ...(axis.label ? { label: axis.label, labelFont: font, labelSize: 18, labelGap: 0 } : {}),
    values: (_u, splits) => valueLabels(splits, axis),
    size: (u, values) => {
      if (!values || values.length === 0) return 34;
      u.ctx.save();
      u.ctx.font = `${11 * devicePixelRatio}px ${input.token('--font')}`;
      const widest = Math.max(...values.map((v) => u.ctx.measureText(v ?? '').width)) / devicePixelRatio;
      u.ctx.restore();
      return Math.ceil(widest) + 14;
    },
  };
}

function xAxis(input: BuildInput): uPlot.Axis {
  return {
    stroke: () => input.token('--text-3'),
    font: `11px ${input.token('--font')}`,
    size: 26,
    gap: 4,
    space: 64,
    grid: { stroke: () => input.token('--grid'), width: 1 },
    ticks: { show: false },
    values: (u, splits) => (input.options.elapsed ? splits.map((s) => (s === 0 ? '0' : promDuration(s))) : timeLabels(splits, (u.scales['x']?.max ?? 0) - (u.scales['x']?.min ?? 0))),
  };
}

function yScale(axis: AxisOptions, zero: boolean): uPlot.Scale {
  const log = axis.log ? { distr: 3 as const, log: (axis.log === 2 ? 2 : 10) as uPlot.Scale.LogBase } : {};
  if (axis.log) return { ...log, ...(axis.min != null || axis.max != null ? { range: (_u, min, max) => [axis.min ?? min ?? 1, axis.max ?? max ?? 10] } : {}) };
  return { range: (_u, min, max) => valueRange(min, max, axis, zero) };
}

function bands(input: BuildInput): uPlot.Band[] {
  const out: uPlot.Band[] = input.stacked.bands.map(([upper, lower]) => ({ series: [upper + 1, lower + 1] }));
  input.data.series.forEach((s, i) => {
    if (!s.fillBelowTo) return;
    const lower = input.data.series.findIndex((other) => other.name === s.fillBelowTo);
    if (lower >= 0) out.push({ series: [i + 1, lower + 1], fill: alpha(s.color, (s.fillOpacity || 20) / 100) });
  });
  return out;
}

export function buildOptions(input: BuildInput): uPlot.Options {
  const { data, options, compact } = input;
  const stacked = options.stacking === 'normal' || options.stacking === 'percent';
  const right = data.series.some((s) => s.axis === 'right');
  const filled = data.series.some((s) => (s.fillOpacity ?? 0) > 0 || s.draw === 'bars');
  const left: AxisOptions = options.stacking === 'percent' ? { ...options, unit: 'percent', max: options.max ?? 100 } : options;
  return {
    width: input.width,
    height: input.height,
    padding: [8, right ? 0 : 12, 0, 0],
    legend: { show: false },
    cursor: {
      points: { size: 7, width: 1.5 },
      drag: { x: true, y: false, setScale: false },
      focus: { prox: 24 },
      sync: { key: 'skopos', setSeries: false, scales: ['x', null] },
    },
    scales: { x: { time: true, range: () => input.range() }, y: yScale(left, stacked || filled), ...(right ? { y2: yScale(options.right ?? options, filled) } : {}) },
    axes: [xAxis(input), yAxis(left, 3, 'y', input), ...(right ? [yAxis(options.right ?? options, 1, 'y2', input)] : [])].map((a) => (compact ? { ...a, show: false } : a)),
    series: [{}, ...data.series.map((s) => toSeries(s, stacked))],
    bands: bands(input),
    hooks: input.hooks,
    plugins: input.plugins,
  };
}
