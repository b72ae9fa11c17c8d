import { describe, expect, it } from 'vitest';

import { rowsOf, series, table } from './testing';
import { transform } from './transform';
import type { Frame } from './model';

const apply = (frames: Frame[], ...steps: [string, Record<string, unknown>?][]): Frame[] => transform(frames, steps.map(([id, options]) => ({ id, options: options ?? {}, disabled: false, filter: undefined }))).frames;

describe('transformations', () => {
  const a = table({ Time: [1, 1], job: ['x', 'y'], 'Value #A': [1, 2] }, 'A');
  const b = table({ Time: [1, 1], job: ['y', 'z'], 'Value #B': [20, 30] }, 'B');

  it('merges tables by what they share, then organizes the columns', () => {
    const [merged] = apply([a, b], ['merge'], ['organize', { excludeByName: { Time: true }, renameByName: { 'Value #A': 'Rate' }, indexByName: { 'Value #B': 0, job: 1, 'Value #A': 2 } }]);
    expect(rowsOf(merged)).toEqual([{ 'Value #B': null, job: 'x', Rate: 1 }, { 'Value #B': 20, job: 'y', Rate: 2 }, { 'Value #B': 30, job: 'z', Rate: null }]);
    expect(merged?.fields.map((f) => f.name)).toEqual(['Value #B', 'job', 'Rate']);
  });

  it('joins by a field, all rows or the shared ones', () => {
    expect(rowsOf(apply([a, b], ['joinByField', { byField: 'job', mode: 'inner' }])[0])).toEqual([{ job: 'y', 'Time 1': 1, 'Value #A': 2, 'Time 2': 1, 'Value #B': 20 }]);
    expect(rowsOf(apply([series('p', [1, 2]), series('q', [3])], ['joinByField', {}])[0])).toEqual([{ Time: 0, p: 1, q: 3 }, { Time: 60_000, p: 2, q: null }]);
  });

  it('reduces series to rows, with labels if asked', () => {
    expect(rowsOf(apply([series('p', [1, 5, 3])], ['reduce', { reducers: ['max', 'lastNotNull'] }])[0])).toEqual([{ Field: 'p', Max: 5, 'Last *': 3 }]);
    expect(rowsOf(apply([series('p', [1], { job: 'x' })], ['reduce', { reducers: ['mean'], labelsToFields: true }])[0])).toEqual([{ Field: 'Value', job: 'x', Mean: 1 }]);
  });

  it('groups, sorts, limits and filters rows', () => {
    const t = table({ job: ['x', 'y', 'x'], v: [1, 5, 3] });
    expect(rowsOf(apply([t], ['groupBy', { fields: { job: { operation: 'groupby' }, v: { operation: 'aggregate', aggregations: ['sum', 'count'] } } }])[0])).toEqual([{ job: 'x', 'v (sum)': 4, 'v (count)': 2 }, { job: 'y', 'v (sum)': 5, 'v (count)': 1 }]);
    expect(rowsOf(apply([t], ['sortBy', { sort: [{ field: 'v', desc: true }] }], ['limit', { limitField: 2 }])[0]).map((r) => r['v'])).toEqual([5, 3]);
    const greater = { fieldName: 'v', config: { id: 'greater', options: { value: 2 } } };
    expect(rowsOf(apply([t], ['filterByValue', { filters: [greater], type: 'include', match: 'any' }])[0]).length).toBe(2);
    expect(rowsOf(apply([t], ['filterByValue', { filters: [greater], type: 'exclude', match: 'any' }])[0]).length).toBe(1);
  });

  it('renames, keeps and calculates columns', () => {
    expect(apply([series('http_a', [1])], ['renameByRegex', { regex: 'http_(.*)', renamePattern: '$1!' }])[0]?.fields[1]?.legend).toBe('a!');
    expect(apply([table({ Time: [1], keep: [1], drop: [2] })], ['filterFieldsByName', { include: { pattern: '/keep|Time/' } }])[0]?.fields.map((f) => f.name)).toEqual(['Time', 'keep']);
    const t = table({ used: [1, 3], size: [4, 4] });
    expect(rowsOf(apply([t], ['calculateField', { mode: 'binary', alias: 'share', binary: { left: 'used', operator: '/', right: 'size' } }])[0]).map((r) => r['share'])).toEqual([0.25, 0.75]);
    expect(rowsOf(apply([t], ['calculateField', { mode: 'reduceRow', alias: 'all', reduce: { reducer: 'sum' }, replaceFields: true }])[0])).toEqual([{ all: 5 }, { all: 7 }]);
  });

  it('turns labels into columns and series into rows', () => {
    expect(rowsOf(apply([series('p', [7], { job: 'x' })], ['labelsToFields'])[0])).toEqual([{ Time: 0, job: 'x', Value: 7 }]);
    expect(rowsOf(apply([series('p', [7, null])], ['seriesToRows'])[0])).toEqual([{ Time: 0, Metric: 'p', Value: 7 }]);
    expect(rowsOf(apply([series('p', [1, 2], { job: 'x' })], ['timeSeriesTable'])[0])).toEqual([{ job: 'x', 'Trend #A': { values: [1, 2], value: 2 } }]);
    expect(rowsOf(apply([series('p', [1], { job: 'x', q: '0.5' }), series('r', [2], { job: 'x', q: '0.9' })], ['joinByLabels', { value: 'q' }])[0])).toEqual([{ job: 'x', '0.5': 1, '0.9': 2 }]);
  });

  it('passes over disabled steps and tells unknown ones', () => {
    const steps = [{ id: 'limit', options: { limitField: 1 }, disabled: true, filter: undefined }, { id: 'partitionByValues', options: {}, disabled: false, filter: undefined }];
    const { frames, unknown } = transform([a], steps);
    expect(frames).toEqual([a]);
    expect(unknown).toEqual(['partitionByValues']);
  });
});
