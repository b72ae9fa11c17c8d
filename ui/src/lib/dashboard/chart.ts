/** Frames as a time chart: series with their styles, axes, thresholds. */

import { joinTimes } from '../chart/align';
import type { AxisOptions, ChartData, ChartOptions, ChartSeries, Interpolation, Stacking, Value } from '../chart/model';
import { namedColor } from '../color';
import { extentOf, fieldName, seriesColor } from './display';
import { num, obj, text, texts } from './json';
import type { Field, Frame, Panel, Settings } from './model';

/** More series than this cost more to draw than they tell. */
export const MAX_SERIES = 200;

export interface TimeChartView {
  data: ChartData;
  options: ChartOptions;
  fields: { field: Field; frame: Frame }[];
  dropped: number;
}

interface Item {
  frame: Frame;
  field: Field;
  times: number[];
}

function items(frames: readonly Frame[]): Item[] {
  return frames.flatMap(split).flatMap((frame) => {
    const time = frame.fields.find((f) => f.type === 'time');
    if (!time) return [];
    const times = time.values.map((t) => Number(t) / 1000);
    return frame.fields.filter((f) => f.type === 'number' && !hiddenFrom(f, 'viz')).map((field) => ({ frame, field, times }));
  });
}

/** A table with names beside its times is several series under each other. */
function split(frame: Frame): Frame[] {
  const time = frame.fields.find((f) => f.type === 'time');
  const words = frame.fields.filter((f) => f.type === 'string');
  if (!time || words.length === 0 || frame.logs) return [frame];
  const groups = new Map<string, number[]>();
  for (let i = 0; i < time.values.length; i++) {
    const key = JSON.stringify(words.map((f) => f.values[i]));
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  return [...groups.values()].map((rows) => {
    const labels = Object.fromEntries(words.map((f) => [f.name, String(f.values[rows[0] ?? 0])]));
    const pick = (f: Field): Field => ({ ...f, values: rows.map((i) => f.values[i]), ...(f.type === 'number' ? { labels, legend: Object.values(labels).join(' ') } : {}) });
    return { ...frame, fields: [pick(time), ...frame.fields.filter((f) => f.type === 'number').map(pick)] };
  });
}

export function hiddenFrom(field: Field, where: 'viz' | 'legend' | 'tooltip'): boolean {
  return obj(field.settings?.custom['hideFrom'])[where] === true;
}

const finite = (value: unknown): Value => (typeof value === 'number' && Number.isFinite(value) ? value : null);

function aligned(all: readonly Item[]): { times: number[]; values: Value[][] } {
  const lists = all.map((i) => ({ times: i.times, values: i.field.values.map(finite) }));
  const first = lists[0];
  if (!first) return { times: [], values: [] };
  const same = lists.every((l) => l.times.length === first.times.length && l.times[0] === first.times[0] && l.times[l.times.length - 1] === first.times[first.times.length - 1]);
  return same ? { times: first.times, values: lists.map((l) => l.values) } : joinTimes(lists);
}

export function toTimeChart(frames: readonly Frame[], panel: Panel): TimeChartView {
  const all = items(frames);
  const shown = all.slice(0, MAX_SERIES);
  const { times, values } = aligned(shown);
  const modes = new Set(shown.map((i) => stackMode(i.field.settings)));
  const stacking: Stacking = modes.has('percent') ? 'percent' : modes.has('normal') ? 'normal' : 'none';
  const units = shown.map((i) => i.field.settings?.unit);
  const mainUnit = shown.find((i) => placement(i.field.settings) !== 'right')?.field.settings?.unit ?? units[0];
  const series = named(shown.map((item, i) => toSeries(item, i, values[i] ?? [], stacking, mainUnit)));
  const left = shown.find((_, i) => series[i]?.axis === 'left')?.field.settings ?? shown[0]?.field.settings;
  const right = shown.find((_, i) => series[i]?.axis === 'right')?.field.settings;
  return { data: { times, series }, options: chartOptions(panel, left, right, stacking), fields: shown.map(({ field, frame }) => ({ field, frame })), dropped: all.length - shown.length };
}

/** Ids go by name, so that what a reader hid stays hidden when the order changes; equal ones are numbered. */
function named(series: ChartSeries[]): ChartSeries[] {
  const seen = new Map<string, number>();
  return series.map((s) => {
    const count = (seen.get(s.id) ?? 0) + 1;
    seen.set(s.id, count);
    return count === 1 ? s : { ...s, id: `${s.id}.${count}` };
  });
}

const stackMode = (settings: Settings | undefined): string => text(obj(settings?.custom['stacking'])['mode']) || 'none';
const placement = (settings: Settings | undefined): string => text(settings?.custom['axisPlacement']) || 'auto';

function toSeries(item: Item, index: number, values: Value[], stacking: Stacking, mainUnit: string | undefined): ChartSeries {
  const { field, frame } = item;
  const settings = field.settings;
  const custom = settings?.custom ?? {};
  const style = obj(custom['lineStyle']);
  const draw = text(custom['drawStyle']);
  const opacity = num(custom['fillOpacity']) ?? 0;
  const other = placement(settings) === 'auto' && settings?.unit !== mainUnit;
  const dash = (Array.isArray(style['dash']) ? style['dash'] : [10, 10]).map(Number);
  return {
    id: `${frame.refId}:${fieldName(field, frame)}`,
    name: fieldName(field, frame),
    labels: field.labels,
    color: seriesColor(field, index, extentOf([field], settings)),
    values: custom['transform'] === 'negative-Y' ? values.map((v) => (v === null ? null : -v)) : values,
    draw: draw === 'bars' || draw === 'points' ? draw : 'line',
    interpolation: interpolationOf(text(custom['lineInterpolation'])),
    lineWidth: num(custom['lineWidth']) ?? 1.5,
    fillOpacity: stacking !== 'none' && opacity > 0 ? Math.max(opacity, 10) : opacity,
    gradient: custom['gradientMode'] === 'opacity' || custom['gradientMode'] === 'hue',
    points: custom['showPoints'] === 'always' ? 'always' : custom['showPoints'] === 'never' ? 'never' : 'auto',
    pointSize: num(custom['pointSize']) ?? 5,
    spanNulls: typeof custom['spanNulls'] === 'number' ? custom['spanNulls'] : custom['spanNulls'] === true,
    axis: placement(settings) === 'right' || other ? 'right' : 'left',
    ...(style['fill'] === 'dash' ? { dash } : style['fill'] === 'dot' ? { dash: [2, 6] } : {}),
    ...(settings?.unit === undefined ? {} : { unit: settings.unit }),
    ...(settings?.decimals === undefined ? {} : { decimals: settings.decimals }),
    ...(custom['fillBelowTo'] ? { fillBelowTo: text(custom['fillBelowTo']) } : {}),
    ...(stacking === 'none' ? {} : { stackGroup: ['normal', 'percent'].includes(stackMode(settings)) ? text(obj(custom['stacking'])['group']) || 'A' : '' }),
  };
}

function interpolationOf(name: string): Interpolation {
  return name === 'smooth' || name === 'stepBefore' || name === 'stepAfter' ? name : 'linear';
}

function axis(settings: Settings | undefined): AxisOptions {
  const custom = settings?.custom ?? {};
  const scale = obj(custom['scaleDistribution']);
  return {
    ...(settings?.unit === undefined ? {} : { unit: settings.unit }),
    decimals: settings?.decimals ?? null,
    min: settings?.min ?? null,
    max: settings?.max ?? null,
    softMin: num(custom['axisSoftMin']) ?? null,
    softMax: num(custom['axisSoftMax']) ?? null,
    ...(scale['type'] === 'log' ? { log: num(scale['log']) ?? 10 } : {}),
    ...(text(custom['axisLabel']) ? { label: text(custom['axisLabel']) } : {}),
  };
}

function chartOptions(panel: Panel, left: Settings | undefined, right: Settings | undefined, stacking: Stacking): ChartOptions {
  const style = text(obj(left?.custom['thresholdsStyle'] ?? obj(panel.defaults['custom'])['thresholdsStyle'])['mode']);
  const steps = (left?.thresholds.steps ?? []).filter((s) => style.includes('area') || Number.isFinite(s.value)).map((s) => ({ value: s.value, color: namedColor(s.color) ?? s.color }));
  return {
    ...axis(left),
    ...(right ? { right: axis(right) } : {}),
    stacking,
    thresholds: steps.filter((s) => s.color !== 'transparent' || Number.isFinite(s.value)),
    thresholdStyle: (['line', 'area', 'line+area', 'dashed', 'dashed+area'] as const).find((s) => s === style) ?? 'off',
  };
}

export interface LegendView {
  shown: boolean;
  mode: 'list' | 'table';
  right: boolean;
  calcs: string[];
  sortBy: string | undefined;
  sortDesc: boolean;
}

export function legendOf(panel: Panel): LegendView {
  const legend = obj(panel.options['legend']);
  return {
    shown: legend['showLegend'] !== false && legend['displayMode'] !== 'hidden',
    mode: legend['displayMode'] === 'table' ? 'table' : 'list',
    right: legend['placement'] === 'right',
    calcs: [...new Set(texts(legend['calcs']))],
    sortBy: text(legend['sortBy']) || undefined,
    sortDesc: legend['sortDesc'] !== false,
  };
}
