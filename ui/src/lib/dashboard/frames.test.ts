import { describe, expect, it } from 'vitest';

import { toFrames, type Answer } from './frames';
import { extentOf, fieldName, mapValue, seriesColor, show, shownText, thresholdColor } from './display';
import { configured, panelOf, rowsOf, series } from './testing';

const target = (more: Record<string, unknown>) => panelOf({ targets: [{ expr: 'x', refId: 'A', ...more }] }).targets[0] as Answer['target'];
const spec = { start: 0, end: 60, step: 30 };

describe('frames', () => {
  it('puts range answers on their grid under the legend', () => {
    const frames = toFrames([{ target: target({ legendFormat: '{{job}}' }), expr: 'x', spec, rows: [{ metric: { job: 'a' }, values: [[0, '1'], [60, '3']] }] }]);
    expect(frames[0]).toMatchObject({ name: 'a', fields: [{ values: [0, 30_000, 60_000] }, { values: [1, null, 3], legend: 'a' }] });
  });

  it('makes one table of an instant answer', () => {
    const answer = (refId: string): Answer => ({ target: target({ format: 'table', refId }), expr: 'x', rows: [{ metric: { job: 'a', le: '1' }, values: [[5, '7']] }] });
    expect(rowsOf(toFrames([answer('A')])[0])).toEqual([{ Time: 5000, job: 'a', le: '1', Value: 7 }]);
    expect(toFrames([answer('A'), answer('B')]).map((f) => f.fields.at(-1)?.name)).toEqual(['Value #A', 'Value #B']);
  });

  it('makes counts of cumulative buckets', () => {
    const row = (le: string, v: string): Answer['rows'][number] => ({ metric: { le }, values: [[0, v]] });
    const frame = toFrames([{ target: target({ format: 'heatmap' }), expr: 'x', spec: { start: 0, end: 0, step: 30 }, rows: [row('+Inf', '9'), row('10', '8'), row('2', '3')] }])[0];
    expect(frame?.fields.slice(1).map((f) => [f.name, f.values])).toEqual([['2', [3]], ['10', [5]], ['+Inf', [1]]]);
  });

  it('keeps log lines with their labels', () => {
    const frame = toFrames([{ target: target({}), expr: '{}', rows: [], lines: [{ ns: '1000000000', line: 'hello', labels: { a: 'b' } }] }])[0];
    expect(frame).toMatchObject({ logs: true, fields: [{ values: [1000] }, { values: ['hello'] }, { values: [{ a: 'b' }] }, {}] });
  });
});

describe('field configuration', () => {
  const panel = panelOf({
    fieldConfig: {
      defaults: { unit: 'ms', custom: { fillOpacity: 10 }, displayName: '${__field.labels.job}', color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps: [{ color: 'green', value: null }, { color: '#ff0000', value: 5 }] } },
      overrides: [
        { matcher: { id: 'byRegexp', options: '/^b/' }, properties: [{ id: 'custom.fillOpacity', value: 80 }, { id: 'displayName', value: 'B!' }] },
        { matcher: { id: 'byFrameRefID', options: 'C' }, properties: [{ id: 'unit', value: 's' }] },
        { matcher: { id: 'byValue', options: { reducer: 'max', op: 'gt', value: 100 } }, properties: [{ id: 'decimals', value: 3 }] },
        { matcher: { id: 'byNames', options: { mode: 'exclude', names: ['a', 'b'] } }, properties: [{ id: 'custom.hideFrom', value: { viz: true } }] },
      ],
    },
  });
  const frames = configured([series('a', [1, 2], { job: 'x' }), series('b', [200]), series('c', [1], {}, 'C')], panel);
  const of = (i: number) => frames[i]?.fields[1];

  it('applies overrides in order to what they name', () => {
    expect(of(0)?.settings).toMatchObject({ unit: 'ms', custom: { fillOpacity: 10 } });
    expect(of(1)?.settings).toMatchObject({ unit: 'ms', decimals: 3, custom: { fillOpacity: 80 } });
    expect(of(2)?.settings).toMatchObject({ unit: 's', custom: { hideFrom: { viz: true } } });
    expect(frames[0]?.fields[0]?.settings?.unit).toBeUndefined();
    expect([0, 1].map((i) => fieldName(of(i) as never, frames[i] as never))).toEqual(['x', 'B!']);
  });

  it('colours by thresholds, maps values and formats the rest', () => {
    const settings = of(0)?.settings as never;
    expect(thresholdColor(7, settings, { min: 0, max: 10 })).toBe('#ff0000');
    expect(seriesColor(of(1) as never, 1, { min: 0, max: 1 })).toBe('#ff0000');
    expect(shownText(show(1500, settings, { min: 0, max: 1 }))).toBe('1.5 s');
    const mapped = configured([series('a', [1])], panelOf({ fieldConfig: { defaults: { noValue: 'none', mappings: [{ type: 'value', options: { 1: { text: 'Up', color: 'green' } } }, { type: 'range', options: { from: 5, to: null, result: { text: 'Many' } } }, { type: 'special', options: { match: 'null', result: { text: 'N/A' } } }, { type: 1, value: '3', text: 'Three' }] } } }))[0]?.fields[1]?.settings as never;
    expect([1, 9, null, 3].map((v) => mapValue(v, mapped)?.text)).toEqual(['Up', 'Many', 'N/A', 'Three']);
    expect(mapValue(2, mapped)).toBeUndefined();
  });

  it('colours single values by thresholds and series by the palette where nothing is said', () => {
    const of = (type: string) => configured([series('a', [90])], panelOf({ type }))[0]?.fields[1]?.settings;
    expect([of('stat')?.color.mode, of('timeseries')?.color.mode, of('table')?.color.mode]).toEqual(['thresholds', 'palette-classic', 'thresholds']);
    expect(of('gauge')?.thresholds.steps.map((s) => s.color)).toEqual(['green', 'red']);
    expect(of('table')?.thresholds.steps).toEqual([]);
  });

  it('takes extents from the settings, else from the values', () => {
    expect(extentOf([of(1) as never, of(0) as never], undefined)).toEqual({ min: 1, max: 200 });
    expect(extentOf([of(0) as never], { min: -5, max: 5 } as never)).toEqual({ min: -5, max: 5 });
  });
});
