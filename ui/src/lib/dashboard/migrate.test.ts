import { describe, expect, it } from 'vitest';

import { obj } from './json';
import { readDashboard } from './migrate';
import { panelOf } from './testing';

describe('reading dashboards', () => {
  it('gives panels to the row above them and keeps collapsed ones inside', () => {
    const board = readDashboard({
      title: 'T',
      panels: [
        { id: 1, type: 'stat', gridPos: { x: 0, y: 0, w: 6, h: 4 } },
        { id: 2, type: 'row', title: 'Open', gridPos: { x: 0, y: 4, w: 24, h: 1 }, panels: [] },
        { id: 3, type: 'graph', gridPos: { x: 0, y: 5, w: 12, h: 8 } },
        { id: 4, type: 'row', title: 'Shut', collapsed: true, repeat: 'job', gridPos: { x: 0, y: 13, w: 24, h: 1 }, panels: [{ id: 5, type: 'text', gridPos: { x: 0, y: 14, w: 24, h: 3 } }] },
      ],
    }, 'uid');
    expect(board.sections.map((s) => [s.title, s.headed, s.collapsed, s.repeat, s.panels.map((p) => [p.id, p.type, p.grid.y])])).toEqual([
      ['', false, false, undefined, [[1, 'stat', 0]]],
      ['Open', true, false, undefined, [[3, 'timeseries', 0]]],
      ['Shut', true, true, 'job', [[5, 'text', 0]]],
    ]);
    expect(board).toMatchObject({ uid: 'uid', time: { from: 'now-6h', to: 'now' }, refresh: 'off' });
  });

  it('lays old rows of spans out on the grid', () => {
    const board = readDashboard({ rows: [{ title: 'R', showTitle: true, height: '250px', panels: [{ id: 1, span: 4, type: 'graph' }, { id: 2, span: 8, type: 'singlestat' }, { id: 3, span: 6, type: 'table', styles: [] }] }] }, 'u');
    expect(board.sections[0]?.panels.map((p) => [p.type, p.grid])).toEqual([
      ['timeseries', { x: 0, y: 0, w: 8, h: 7 }],
      ['stat', { x: 8, y: 0, w: 16, h: 7 }],
      ['table', { x: 0, y: 7, w: 12, h: 7 }],
    ]);
  });

  it('keeps the first of variables with one name', () => {
    const list = [{ name: 'a', type: 'custom' }, { name: 'a', type: 'query' }, { type: 'query' }];
    expect(readDashboard({ panels: [], templating: { list } }, 'u').variables.map((v) => [v.name, v.type])).toEqual([['a', 'custom']]);
  });

  it('survives what is no dashboard', () => {
    for (const junk of [null, 3, 'x', [], { panels: 'no', templating: { list: [1, null] } }, { panels: [{ targets: [null], fieldConfig: 4 }] }]) expect(() => readDashboard(junk, 'u')).not.toThrow();
  });
});

describe('old panels', () => {
  it('turns a graph into a time series with its axes, stack and overrides', () => {
    const panel = panelOf({
      type: 'graph', stack: true, fill: 3, nullPointMode: 'connected', aliasColors: { Errors: '#f00' },
      yaxes: [{ format: 'ms', min: '0', logBase: 10 }, { format: 'percent' }],
      legend: { show: true, values: true, avg: true, current: true, alignAsTable: true, rightSide: true, sort: 'avg', sortDesc: true },
      seriesOverrides: [{ alias: '/p99/', yaxis: 2, fill: 0, transform: 'negative-Y' }], thresholds: [{ value: 5, colorMode: 'critical' }],
    });
    expect(panel.defaults).toMatchObject({ unit: 'ms', min: 0, custom: { fillOpacity: 30, spanNulls: true, stacking: { mode: 'normal' }, scaleDistribution: { type: 'log', log: 10 } } });
    expect(panel.options).toMatchObject({ legend: { displayMode: 'table', placement: 'right', calcs: ['mean', 'lastNotNull'], sortBy: 'Mean' } });
    expect(panel.overrides[0]).toEqual({ matcher: { id: 'byName', options: 'Errors' }, properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: '#f00' } }] });
    expect(panel.overrides[1]?.matcher).toEqual({ id: 'byRegexp', options: '/p99/' });
    expect(panel.overrides[1]?.properties.map((p) => p.id)).toEqual(['custom.fillOpacity', 'custom.transform', 'custom.axisPlacement', 'unit']);
  });

  it('turns a single stat into a stat or a gauge', () => {
    const panel = panelOf({ type: 'singlestat', format: 'percent', valueName: 'avg', colorBackground: true, colors: ['green', 'orange', 'red'], thresholds: '70,90', valueMaps: [{ op: '=', text: 'N/A', value: 'null' }, { text: 'Up', value: '1' }] });
    expect(panel).toMatchObject({ type: 'stat', options: { colorMode: 'background', reduceOptions: { calcs: ['mean'] } } });
    expect(obj(panel.defaults['thresholds'])['steps']).toEqual([{ value: null, color: 'green' }, { value: 70, color: 'orange' }, { value: 90, color: 'red' }]);
    expect(panel.defaults['mappings']).toEqual([{ type: 'special', options: { match: 'null', result: { text: 'N/A' } } }, { type: 'value', options: { 1: { text: 'Up' } } }]);
    expect(panelOf({ type: 'singlestat', gauge: { show: true, minValue: 0, maxValue: 100 } })).toMatchObject({ type: 'gauge', defaults: { min: 0, max: 100 } });
  });

  it('reads targets in all their forms', () => {
    const panel = panelOf({ targets: [{ expr: 'a', instant: true, format: 'table' }, { expr: 'b', range: true, instant: true, intervalFactor: 2 }, { refId: 'Z', query: 'c', hide: true }] });
    expect(panel.targets.map((t) => [t.refId, t.expr, t.instant, t.format, t.intervalFactor, t.hide])).toEqual([['A', 'a', true, 'table', 1, false], ['B', 'b', false, 'time_series', 2, false], ['Z', 'c', false, 'time_series', 1, true]]);
  });
});
