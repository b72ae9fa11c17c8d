import { describe, expect, it } from 'vitest';

import { queryStep, rangeBuiltins, stepBuiltins } from './builtins';
import { gridFor, toCells } from './cells';
import { legendOf, toTimeChart } from './chart';
import { targetSource } from './datasource';
import { selectorsOf, unmatched } from './explain';
import { histogram, niceSize, toHeatmap } from './heatmap';
import { placeSections } from './layout';
import { dashboardLinkHref, localPath, resolveLink } from './links';
import { matchDashboards, tagCounts } from './list';
import { readDashboard, readVariable } from './migrate';
import { panelRange, planQueries } from './plan';
import { toStates } from './states';
import { footer, toTable } from './table';
import { configured, panelOf, scopeOf, series, table, variable } from './testing';

const hour = { fromMs: 0, toMs: 3_600_000 };

describe('steps', () => {
  const input = { range: hour, maxDataPoints: 500, panelMin: undefined, queryMin: undefined, factor: 1 };
  it('follows the width, the minima and the resolution', () => {
    expect(queryStep(input)).toEqual({ stepMs: 15_000, intervalMs: 15_000, rateMs: 60_000 });
    expect(queryStep({ ...input, panelMin: '>1m' }).stepMs).toBe(60_000);
    expect(queryStep({ ...input, queryMin: '2m' })).toMatchObject({ stepMs: 120_000, rateMs: 480_000 });
    expect(queryStep({ ...input, factor: 2 }).stepMs).toBe(30_000);
    expect(queryStep({ ...input, range: { fromMs: 0, toMs: 30 * 86_400_000 }, maxDataPoints: 100_000 }).stepMs).toBeGreaterThan((30 * 86_400_000) / 11_001);
  });
  it('names them for queries', () => {
    expect(stepBuiltins({ stepMs: 90_000, intervalMs: 90_000, rateMs: 120_000 })).toMatchObject({ __interval: '1m30s', __interval_ms: '90000', __rate_interval: '2m' });
    expect(rangeBuiltins(hour)).toMatchObject({ __range: '3600s', __range_s: '3600', __from: '0', __to: '3600000' });
  });
});

describe('plans', () => {
  const variables = [readVariable({ name: 'ds', type: 'datasource', query: 'loki' })];
  it('knows the data source behind names, types and variables', () => {
    const of = (target: unknown, panel: unknown): string => targetSource(target, panel, variables);
    expect([of(null, null), of(null, { type: 'loki', uid: 'x' }), of({ uid: '${ds}' }, null), of(null, '$ds'), of({ type: 'prometheus' }, { uid: '-- Mixed --', type: 'datasource' }), of(null, { type: 'postgres', uid: 'p' }), of(null, 'My Prometheus')]).toEqual(['prometheus', 'loki', 'loki', 'loki', 'prometheus', 'other', 'prometheus']);
  });
  it('fills queries and leaves out hidden and foreign ones', () => {
    const panel = panelOf({ interval: '$min', targets: [{ expr: 'rate(x{job="$job"}[$__rate_interval])' }, { expr: 'y', hide: true }, { expr: 'select', datasource: { type: 'postgres' } }] });
    const plan = planQueries(panel, scopeOf(variable('job', ['a']), variable('min', ['1m'])), hour, 500, []);
    expect(plan.queries.map((q) => [q.expr, q.stepSeconds])).toEqual([['rate(x{job="a"}[1m15s])', 60]]);
    expect(plan.foreign).toEqual(['postgres']);
  });
  it('has its own range where the panel says so', () => {
    expect(panelRange(panelOf({ timeFrom: '10m', timeShift: '1m' }), scopeOf(), hour)).toEqual({ fromMs: 3_600_000 - 660_000, toMs: 3_540_000 });
  });
});

describe('time charts', () => {
  const panel = panelOf({
    fieldConfig: { defaults: { unit: 'ms', custom: { stacking: { mode: 'normal', group: 'A' }, fillOpacity: 5 } }, overrides: [{ matcher: { id: 'byName', options: 'b' }, properties: [{ id: 'unit', value: 'percent' }, { id: 'custom.stacking', value: { mode: 'none' } }] }] },
  });
  it('gives series of another unit the right axis and no stack', () => {
    const view = toTimeChart(configured([series('a', [1, 2]), series('b', [3, null, 5])], panel), panel);
    expect(view.data.times).toEqual([0, 60, 120]);
    expect(view.data.series.map((s) => [s.name, s.axis, s.stackGroup, s.values, s.fillOpacity])).toEqual([['a', 'left', 'A', [1, 2, null], 10], ['b', 'right', '', [3, null, 5], 10]]);
    expect(view.options).toMatchObject({ unit: 'ms', right: { unit: 'percent' }, stacking: 'normal' });
  });
  it('gives series ids that outlive their order', () => {
    const plain = panelOf({});
    expect(toTimeChart(configured([series('a', [1]), series('a', [2]), series('b', [3])], plain), plain).data.series.map((s) => s.id)).toEqual(['A:a', 'A:a.2', 'A:b']);
  });
  it('splits a table into the series that it lists', () => {
    const plain = panelOf({});
    const view = toTimeChart(configured([table({ Time: [0, 0, 60_000], job: ['x', 'y', 'x'], Value: [1, 2, 3] })], plain), plain);
    expect(view.data.series.map((s) => [s.name, s.values])).toEqual([['x', [1, 3]], ['y', [2, null]]]);
  });
  it('reads legends', () => {
    expect(legendOf(panelOf({ options: { legend: { displayMode: 'table', placement: 'right', calcs: ['mean'], sortBy: 'Mean' } } }))).toEqual({ shown: true, mode: 'table', right: true, calcs: ['mean'], sortBy: 'Mean', sortDesc: true });
    expect(legendOf(panelOf({ options: { legend: { displayMode: 'hidden' } } })).shown).toBe(false);
  });
});

describe('cells', () => {
  const panel = panelOf({ options: { reduceOptions: { calcs: ['max'] } }, fieldConfig: { defaults: { max: 10, min: 0 } } });
  it('reduces series, or takes each row', () => {
    expect(toCells(configured([series('a', [1, 5, 2])], panel), panel).map((c) => [c.name, c.value, c.share])).toEqual([['a', 5, 0.5]]);
    const rows = panelOf({ options: { reduceOptions: { values: true } } });
    expect(toCells(configured([table({ job: ['x', 'y'], v: [1, 2] })], rows), rows).map((c) => [c.name, c.value])).toEqual([['x', 1], ['y', 2]]);
  });
  it('fills wide and tall panels', () => {
    expect(gridFor(4, 800, 80, 'auto')).toEqual({ columns: 4, rows: 1 });
    expect(gridFor(4, 120, 400, 'auto')).toEqual({ columns: 1, rows: 4 });
    expect(gridFor(3, 800, 80, 'horizontal')).toEqual({ columns: 1, rows: 3 });
  });
});

describe('tables', () => {
  const panel = panelOf({ type: 'table', options: { sortBy: [{ displayName: 'v', desc: true }], footer: { show: true, reducer: ['sum'] } }, fieldConfig: { defaults: {}, overrides: [{ matcher: { id: 'byName', options: 'secret' }, properties: [{ id: 'custom.hidden', value: true }] }, { matcher: { id: 'byName', options: 'v' }, properties: [{ id: 'unit', value: 'ms' }] }] } });
  it('hides, sorts, formats and sums', () => {
    const view = toTable(configured([table({ job: ['x', 'y'], secret: ['s', 't'], v: [1, 2000] })], panel), panel, undefined);
    const cells = Array.from({ length: view?.rows ?? 0 }, (_, row) => view?.columns.map((c) => view.cell(c, row).text));
    expect(cells).toEqual([['y', '2 s'], ['x', '1 ms']]);
    expect(view && footer(view, panel)).toEqual(['', '2 s']);
  });
  it('makes a row of each series', () => {
    const view = toTable(configured([series('a', [1, 2], { job: 'x' }), series('b', [3], { job: 'y' })], panel), panel, undefined);
    expect(view?.columns.map((c) => [c.name, c.field.values])).toEqual([['job', ['x', 'y']], ['Value', [2, 3]]]);
  });
});

describe('heatmaps, histograms and states', () => {
  it('orders buckets by their bounds and leaves empty ends out', () => {
    const map = toHeatmap([series('10', [4]), series('2', [1]), series('+Inf', [0]), series('1', [0])], panelOf({ type: 'heatmap' }));
    expect(map).toMatchObject({ rows: ['1', '2', '10', '+Inf'], bounds: [1, 2, 10, Infinity], max: 4 });
  });
  it('counts raw values into buckets', () => {
    const map = toHeatmap([series('a', [1, 9]), series('b', [1, 1])], panelOf({ type: 'heatmap', options: { calculate: true, calculation: { yBuckets: { mode: 'size', value: '5' } } } }));
    expect(map?.counts).toEqual([[2, 1], [0, 1]]);
    expect(histogram([series('a', [1, 2, 9])], 5)).toEqual([{ from: 0, to: 5, count: 2 }, { from: 5, to: 10, count: 1 }]);
    expect([niceSize(0.3), niceSize(7), niceSize(20)]).toEqual([0.5, 10, 20]);
  });
  it('joins equal neighbours in a timeline, not in a history', () => {
    const panel = panelOf({ type: 'state-timeline' });
    const frames = configured([series('a', [1, 1, 0, null])], panel);
    const stretches = (merge: boolean) => toStates(frames, panel, merge, 1e12)[0]?.stretches.map((s) => [s.fromMs, s.toMs, s.text]);
    expect(stretches(true)).toEqual([[0, 120_000, '1'], [120_000, 180_000, '0']]);
    expect(stretches(false)).toHaveLength(3);
  });
});

describe('layout', () => {
  const board = readDashboard({ panels: [{ id: 1, type: 'stat', repeat: 'job', maxPerRow: 2, gridPos: { x: 0, y: 0, w: 24, h: 4 } }, { id: 2, type: 'stat', gridPos: { x: 0, y: 4, w: 24, h: 4 } }] }, 'u');
  it('repeats panels and moves those below', () => {
    const [section] = placeSections(board.sections, scopeOf(variable('job', ['a', 'b', 'c'])));
    expect(section?.panels.map((p) => [p.key, p.grid])).toEqual([
      ['1~a', { x: 0, y: 0, w: 12, h: 4 }], ['1~b', { x: 12, y: 0, w: 12, h: 4 }], ['1~c', { x: 0, y: 4, w: 12, h: 4 }], ['2', { x: 0, y: 8, w: 24, h: 4 }],
    ]);
    expect(section?.panels[1]?.scope.vars.get('job')?.values).toEqual(['b']);
  });
  it('tells panels of one id apart', () => {
    const twice = readDashboard({ panels: [{ id: 1, type: 'stat' }, { id: 1, type: 'stat' }] }, 'u');
    expect(placeSections(twice.sections, scopeOf())[0]?.panels.map((p) => p.key)).toEqual(['1', '1.2']);
  });
  it('repeats rows with everything in them', () => {
    const rows = readDashboard({ panels: [{ id: 9, type: 'row', title: '$job', repeat: 'job', gridPos: { y: 0 } }, { id: 1, type: 'stat', gridPos: { y: 1 } }] }, 'u');
    expect(placeSections(rows.sections, scopeOf(variable('job', ['a', 'b']))).map((s) => [s.key, s.panels.map((p) => p.key)])).toEqual([['row-9-0~a', ['1~a']], ['row-9-0~b', ['1~b']]]);
  });
});

describe('links', () => {
  it.each([
    ['d/abc/some-name?var-x=1', '/dashboards/abc?var-x=1'], ['/d/abc', '/dashboards/abc'], ['https://example.com/x', 'https://example.com/x'], ['javascript:alert(1)', ''], ['/explore/logs', '/explore/logs'],
  ])('%s leads to %s', (url, href) => {
    expect(localPath(url).href).toBe(href);
  });
  it('fills values, labels and variables', () => {
    const frame = table({ name: ['a b'], v: [3] });
    const link = { title: 'Of ${__data.fields.name}', url: '/d/x?var-n=${__data.fields["name"]}&v=${__value.raw}&${job:queryparam}', targetBlank: false };
    expect(resolveLink(link, scopeOf(variable('job', ['j'])), { field: frame.fields[1] as never, frame, row: 0 })?.href).toBe('/dashboards/x?var-n=a%20b&v=3&var-job=j');
    expect(dashboardLinkHref({ title: 't', url: '/d/x', keepTime: true, includeVars: true, targetBlank: false }, scopeOf(variable('job', ['j'])))?.href).toBe('/dashboards/x?from=1&to=2&var-job=j');
  });
});

describe('explanations', () => {
  it('finds the selectors of an expression', () => {
    expect(selectorsOf('sum by (job, le) (rate(a_total{x="y, z"}[5m])) / on (pod) group_left b unless {__name__="c", d="}"} > 0.5e3').map((s) => s.text)).toEqual(['a_total{x="y, z"}', 'b', '{__name__="c", d="}"}']);
    expect(selectorsOf('histogram_quantile(0.9, x_bucket offset 5m) # comment y').map((s) => s.metric)).toEqual(['x_bucket']);
  });
});

describe('mismatches', () => {
  const all = [{ job: 'host', mode: 'idle' }, { job: 'other', mode: 'user' }];
  it('names the matcher that nothing fulfils', () => {
    expect(unmatched('x{mode="idle", job="node", a=~"b"}', all)).toEqual({ label: 'job', value: 'node', known: ['host', 'other'] });
    expect(unmatched('x{pod="p"}', all)).toEqual({ label: 'pod', value: 'p', known: [] });
    expect(unmatched('x{job="host", pod=""}', all)).toBeUndefined();
  });
});

describe('the list', () => {
  const info = (title: string, folder: string, tags: string[]) => ({ uid: title, title, folder, tags, file: '', panels: 1, warnings: [] });
  const all = [info('Nodes', 'infra', ['k8s', 'host']), info('Pods', 'infra', ['k8s']), info('Shop', 'app', [])];
  it('fits words, folder and tags', () => {
    const titles = (text: string, folder = '', tags: string[] = []) => matchDashboards(all, { text, folder, tags: new Set(tags) }).map((d) => d.title);
    expect([titles('k8s no'), titles('', 'app'), titles('', '', ['k8s', 'host'])]).toEqual([['Nodes'], ['Shop'], ['Nodes']]);
    expect(tagCounts(all)).toEqual([['k8s', 2], ['host', 1]]);
  });
});
