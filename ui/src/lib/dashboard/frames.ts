/** Answers of Prometheus' and Loki's APIs as frames: what panels and transformations work on. */

import { grid, onGrid } from '../chart/align';
import { formatSeries, legendName, type Labels } from '../labels';
import type { GridSpec } from '../matrix';
import type { Field, Frame, Target } from './model';

export interface RawRow {
  metric: Labels;
  values: readonly (readonly [number, string])[];
}

export interface RawLine {
  ns: string;
  line: string;
  labels: Labels;
}

/** The answer to one query. */
export interface Answer {
  target: Target;
  /** The query as it was sent. */
  expr: string;
  rows: RawRow[];
  lines?: RawLine[];
  /** The grid of a range query; absent for instant ones. */
  spec?: GridSpec;
}

/** All answers of a panel. Value columns of tables carry the query's letter when there are several. */
export function toFrames(answers: readonly Answer[]): Frame[] {
  const tables = answers.filter((a) => a.target.format === 'table').length;
  return answers.flatMap((answer) => {
    if (answer.lines) return [logFrame(answer)];
    if (answer.target.format === 'table') return answer.rows.length > 0 ? [tableFrame(answer, tables > 1 || answers.length > 1)] : [];
    if (answer.target.format === 'heatmap') return answer.rows.length > 0 && answer.spec ? [bucketFrame(answer)] : [];
    return seriesFrames(answer);
  });
}

const field = (name: string, type: Field['type'], values: unknown[], labels: Labels = {}): Field => ({ name, type, values, labels });

/** NaN and infinities stay in tables; charts make gaps of them. */
const value = (text: string): number => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));

function seriesFrames({ target, rows, spec, expr }: Answer): Frame[] {
  const all = rows.map((r) => r.metric);
  const times = spec ? grid(spec.start, spec.end, spec.step) : [];
  return rows.map((row) => {
    const name = legendName(target.legend, row.metric, all, expr);
    const at = spec ? times.map((t) => t * 1000) : row.values.map(([t]) => t * 1000);
    const values = spec ? onGrid(row.values, spec.start, spec.step, times.length) : row.values.map(([, v]) => value(v));
    const number: Field = { ...field('Value', 'number', values, row.metric), legend: name };
    return { refId: target.refId, name, fields: [field('Time', 'time', at), number] };
  });
}

function tableFrame({ target, rows }: Answer, lettered: boolean): Frame {
  const names = [...new Set(rows.flatMap((r) => Object.keys(r.metric)))].sort();
  const cells = rows.flatMap((row) => row.values.map(([t, v]) => ({ metric: row.metric, t: t * 1000, v: value(v) })));
  return {
    refId: target.refId,
    name: target.refId,
    fields: [
      field('Time', 'time', cells.map((c) => c.t)),
      ...names.map((n) => field(n, 'string', cells.map((c) => c.metric[n] ?? ''))),
      field(lettered ? `Value #${target.refId}` : 'Value', 'number', cells.map((c) => c.v)),
    ],
  };
}

const bound = (le: string | undefined): number => (le === '+Inf' || le === undefined ? Infinity : Number(le));

/** Cumulative buckets by `le` become counts of each bucket alone. */
function bucketFrame({ target, rows, spec }: Answer): Frame {
  const sorted = [...rows].sort((a, b) => bound(a.metric['le']) - bound(b.metric['le']));
  const { start, end, step } = spec ?? { start: 0, end: 0, step: 1 };
  const times = grid(start, end, step);
  const cumulative = sorted.map((r) => onGrid(r.values, start, step, times.length));
  const hasBounds = sorted.every((r) => r.metric['le'] !== undefined);
  const fields = sorted.map((row, i) => {
    const below = hasBounds && i > 0 ? cumulative[i - 1] : undefined;
    const values = (cumulative[i] ?? []).map((v, t) => (v === null ? null : Math.max(0, v - (below?.[t] ?? 0))));
    return field(row.metric['le'] ?? formatSeries(row.metric), 'number', values, row.metric);
  });
  return { refId: target.refId, name: target.refId, fields: [field('Time', 'time', times.map((t) => t * 1000)), ...fields] };
}

function logFrame({ target, lines = [] }: Answer): Frame {
  return {
    refId: target.refId,
    name: target.refId,
    logs: true,
    fields: [
      field('Time', 'time', lines.map((l) => Number(l.ns) / 1e6)),
      field('Line', 'string', lines.map((l) => l.line)),
      field('labels', 'string', lines.map((l) => l.labels)),
      field('id', 'string', lines.map((l) => l.ns)),
    ],
  };
}

/** The number of rows of a frame. */
export function rowCount(frame: Frame): number {
  return Math.max(0, ...frame.fields.map((f) => f.values.length));
}
