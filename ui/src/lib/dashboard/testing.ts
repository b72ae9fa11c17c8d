/** Pieces for tests. */

import type { Labels } from '../labels';
import { makeScope, type Scope, type VarValue } from './interpolate';
import { readPanel } from './migrate';
import type { Field, Frame, Panel } from './model';
import { withSettings } from './settings';

export function panelOf(json: Record<string, unknown>): Panel {
  return readPanel({ type: 'timeseries', ...json }, 0);
}

export function variable(name: string, values: string[], more: Partial<VarValue> = {}): VarValue {
  return { name, values, texts: values, all: false, allValue: undefined, many: values.length > 1, ...more };
}

export function scopeOf(...values: VarValue[]): Scope {
  return makeScope(values, { __interval: '15s', __from: '1700000000000', __url_time_range: 'from=1&to=2' });
}

/** A series with points a minute apart. */
export function series(name: string, values: (number | null)[], labels: Labels = {}, refId = 'A'): Frame {
  return {
    refId, name,
    fields: [
      { name: 'Time', type: 'time', labels: {}, values: values.map((_, i) => i * 60_000) },
      { name: 'Value', type: 'number', labels, values, legend: name },
    ],
  };
}

export function table(columns: Record<string, unknown[]>, refId = 'A'): Frame {
  const fields = Object.entries(columns).map(([name, values]): Field => ({ name, values, labels: {}, type: name === 'Time' ? 'time' : typeof values[0] === 'number' ? 'number' : 'string' }));
  return { refId, name: refId, fields };
}

export function configured(frames: Frame[], panel: Panel): Frame[] {
  return withSettings(frames, panel);
}

/** The table as rows of objects. */
export function rowsOf(frame: Frame | undefined): Record<string, unknown>[] {
  const n = Math.max(0, ...(frame?.fields ?? []).map((f) => f.values.length));
  return Array.from({ length: n }, (_, i) => Object.fromEntries((frame?.fields ?? []).map((f) => [f.legend ?? f.name, f.values[i]])));
}
