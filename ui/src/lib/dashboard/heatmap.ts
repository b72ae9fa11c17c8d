/** Frames as a heatmap: buckets over time, each cell a count. Histograms of values too. */

import { num, obj, text } from './json';
import type { Field, Frame, Panel } from './model';

export interface Heatmap {
  /** Milliseconds. */
  times: number[];
  /** Names of the buckets, low to high. */
  rows: string[];
  /** Upper bounds where the buckets have some. */
  bounds: (number | null)[];
  /** By bucket, then by time. */
  counts: (number | null)[][];
  max: number;
}

const MAX_BUCKETS = 60;

export function toHeatmap(frames: readonly Frame[], panel: Panel): Heatmap | undefined {
  const heatmap = panel.options['calculate'] === true ? calculated(frames, obj(panel.options['calculation'])) : fromBuckets(frames);
  return heatmap && heatmap.rows.length > 0 ? heatmap : undefined;
}

const timesOf = (frame: Frame | undefined): number[] => (frame?.fields.find((f) => f.type === 'time')?.values ?? []).map(Number);
const numbersOf = (frame: Frame): Field[] => frame.fields.filter((f) => f.type === 'number');
const finite = (v: unknown): number | null => (typeof v === 'number' && Number.isFinite(v) ? v : null);

const boundOf = (name: string): number | null => (name === '+Inf' || name === 'Inf' ? Infinity : (num(name) ?? null));

/** The frame of a query in heatmap format, or a series for each bucket. */
function fromBuckets(frames: readonly Frame[]): Heatmap | undefined {
  const single = frames.find((f) => numbersOf(f).length > 1);
  const fields = (single ? numbersOf(single) : frames.flatMap(numbersOf)).map((f) => ({ name: f.legend ?? f.name, values: f.values.map(finite) }));
  const times = timesOf(single ?? frames[0]);
  if (fields.length === 0 || times.length === 0) return undefined;
  const ordered = fields.every((f) => boundOf(f.name) !== null) ? [...fields].sort((a, b) => (boundOf(a.name) ?? 0) - (boundOf(b.name) ?? 0)) : fields;
  // Empty buckets above the last filled one say nothing.
  const used = ordered.map((f) => f.values.some((v) => (v ?? 0) > 0));
  const last = used.lastIndexOf(true);
  const shown = last >= 0 ? ordered.slice(Math.max(0, used.indexOf(true) - 1), Math.min(ordered.length, last + 2)) : ordered;
  return finish(times, shown.map((f) => f.name), shown.map((f) => boundOf(f.name)), shown.map((f) => f.values));
}

function finish(times: number[], rows: string[], bounds: (number | null)[], counts: (number | null)[][]): Heatmap {
  let max = 0;
  for (const row of counts) for (const v of row) if (v !== null && v > max) max = v;
  return { times, rows, bounds, counts, max };
}

/** Raw series counted into buckets of equal width. */
function calculated(frames: readonly Frame[], options: Record<string, unknown>): Heatmap | undefined {
  const times = timesOf(frames[0]);
  const fields = frames.flatMap(numbersOf);
  const [min, max] = range(fields);
  if (times.length === 0 || min === undefined || max === undefined) return undefined;
  const wanted = num(obj(options['yBuckets'])['value']);
  const size = text(obj(options['yBuckets'])['mode']) === 'size' && wanted ? wanted : niceSize((max - min || 1) / (wanted ?? 20));
  const low = Math.floor(min / size);
  const n = Math.min(MAX_BUCKETS, Math.floor(max / size) - low + 1);
  const counts = Array.from({ length: n }, () => new Array<number | null>(times.length).fill(0));
  for (const field of fields) {
    field.values.forEach((v, t) => {
      const value = finite(v);
      const row = value === null ? undefined : counts[Math.min(n - 1, Math.floor(value / size) - low)];
      if (row && t < times.length) row[t] = (row[t] ?? 0) + 1;
    });
  }
  const bounds = counts.map((_, i) => Number(((low + i + 1) * size).toPrecision(12)));
  return finish(times, bounds.map(String), bounds, counts);
}

function range(fields: readonly Field[]): [number | undefined, number | undefined] {
  let [min, max]: [number | undefined, number | undefined] = [undefined, undefined];
  for (const f of fields) {
    for (const v of f.values) {
      const value = finite(v);
      if (value === null) continue;
      if (min === undefined || value < min) min = value;
      if (max === undefined || value > max) max = value;
    }
  }
  return [min, max];
}

/** 1, 2 or 5 times a power of ten. */
export function niceSize(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  const factor = [1, 2, 5, 10].find((f) => f * power >= size * 0.999) ?? 10;
  return factor * power;
}

export interface Bin {
  from: number;
  to: number;
  count: number;
}

/** How often values fall into bins of equal width. */
export function histogram(frames: readonly Frame[], size: number | undefined, count = 30): Bin[] {
  const fields = frames.flatMap(numbersOf);
  const [min, max] = range(fields);
  if (min === undefined || max === undefined) return [];
  const width = size && size > 0 ? size : niceSize((max - min || Math.abs(max) || 1) / count);
  const low = Math.floor(min / width);
  const bins = Array.from({ length: Math.min(500, Math.floor(max / width) - low + 1) }, (_, i): Bin => ({ from: (low + i) * width, to: (low + i + 1) * width, count: 0 }));
  for (const f of fields) {
    for (const v of f.values) {
      const value = finite(v);
      const bin = value === null ? undefined : bins[Math.min(bins.length - 1, Math.floor(value / width) - low)];
      if (bin) bin.count++;
    }
  }
  return bins;
}
