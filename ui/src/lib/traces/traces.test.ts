import { describe, expect, it } from 'vitest';

import type { JaegerSpan, JaegerTrace } from '../../api/jaeger';
import { patchParams } from '../url';
import { bar, clockTicks, dragWindow, position, ticks } from './axis';
import { serviceColors } from './colors';
import { criticalPath } from './critical';
import { placeSpans } from './flame';
import { buildTrace } from './model';
import { collapseFrom, findSpans, reveal, visibleSpans } from './rows';
import { decodeTraces, decodeTraceView, encodeTraces, encodeTraceView, formatTag, fullTraceId, parseTags, readTraceId, strayTags } from './state';
import { sortStats, statistics } from './stats';
import { durationScale, scaleShare, scaleTicks, sortTraces, summarize, toDots } from './summary';

interface Shape {
  id: string;
  parent?: string;
  at: number;
  for: number;
  service?: string;
  error?: boolean;
  tags?: Record<string, string>;
}

const START = 1_700_000_000_000_000;

function span(s: Shape): JaegerSpan {
  const tags = Object.entries(s.tags ?? {}).map(([key, value]) => ({ key, type: 'string', value }));
  return {
    traceID: 't', spanID: s.id, operationName: `op ${s.id}`, references: s.parent ? [{ refType: 'CHILD_OF', traceID: 't', spanID: s.parent }] : [],
    startTime: START + s.at, duration: s.for, tags: s.error ? [...tags, { key: 'error', type: 'bool', value: true }] : tags, logs: [], processID: s.service ?? 'a', warnings: null,
  };
}

function trace(...shapes: Shape[]): JaegerTrace {
  const services = [...new Set(shapes.map((s) => s.service ?? 'a'))];
  return { traceID: 't', spans: shapes.map(span), processes: Object.fromEntries(services.map((s) => [s, { serviceName: s, tags: [] }])), warnings: null };
}

const simple = trace(
  { id: '1', at: 0, for: 100 },
  { id: '3', parent: '1', at: 60, for: 30, service: 'b', error: true },
  { id: '2', parent: '1', at: 10, for: 40, service: 'b', tags: { 'http.route': '/v1/x' } },
  { id: '4', parent: '2', at: 15, for: 10, service: 'c' },
);

describe('the tree', () => {
  it('has parents before children and children by their start', () => {
    const t = buildTrace(simple);
    expect(t.spans.map((s) => [s.id, s.depth, s.descendants])).toEqual([['1', 0, 3], ['2', 1, 1], ['4', 2, 0], ['3', 1, 0]]);
    expect(t).toMatchObject({ durationUs: 100, depth: 3, errors: 1, warnings: [] });
    expect(t.services.map((s) => [s.name, s.spans, s.errors])).toEqual([['b', 2, 1], ['a', 1, 0], ['c', 1, 0]]);
    expect(t.spans.map((s) => s.selfUs)).toEqual([30, 30, 10, 30]);
  });

  it('tells of missing parents, several roots and clocks that disagree', () => {
    const t = buildTrace(trace({ id: '1', at: 10, for: 10 }, { id: '2', parent: '1', at: 5, for: 5, service: 'b' }, { id: '3', parent: 'gone', at: 30, for: 1 }, { id: '4', at: 40, for: 1 }));
    expect(t.roots.map((s) => s.id)).toEqual(['1', '3', '4']);
    expect(t.spans.find((s) => s.id === '3')?.missingParent).toBe('gone');
    expect(t.spans.find((s) => s.id === '2')?.skewUs).toBe(5);
    expect(t.warnings).toHaveLength(3);
  });

  it('survives cycles, own parents and doubled ids', () => {
    const cycle = buildTrace(trace({ id: '1', parent: '2', at: 0, for: 9 }, { id: '2', parent: '1', at: 1, for: 2 }, { id: '3', parent: '3', at: 3, for: 1 }));
    expect(cycle.spans).toHaveLength(3);
    const doubled = buildTrace(trace({ id: '1', at: 0, for: 9 }, { id: '1', at: 1, for: 2, service: 'b' }));
    expect(new Set(doubled.spans.map((s) => s.key)).size).toBe(2);
  });

  it('holds a chain of five thousand spans', () => {
    const deep = trace(...Array.from({ length: 5000 }, (_, i) => ({ id: String(i), at: i, for: 10_000 - i, ...(i > 0 ? { parent: String(i - 1) } : {}) })));
    expect(buildTrace(deep).depth).toBe(5000);
  });

  it('gives an empty trace no length', () => {
    expect(buildTrace({ traceID: 't', spans: [], processes: {}, warnings: null })).toMatchObject({ durationUs: 0, startUs: 0, depth: 0 });
  });
});

describe('the critical path', () => {
  const path = (raw: JaegerTrace): Record<string, [number, number][]> => Object.fromEntries([...criticalPath(buildTrace(raw))].map(([s, p]) => [s.id, p]));

  it('walks back from the end', () => {
    expect(path(simple)).toEqual({ 1: [[0, 10], [50, 60], [90, 100]], 3: [[60, 90]], 2: [[10, 15], [25, 50]], 4: [[15, 25]] });
  });

  it('follows a child that outlives its parent, without the wait between', () => {
    expect(path(trace({ id: '1', at: 0, for: 10 }, { id: '2', parent: '1', at: 30, for: 20, service: 'b' }))).toEqual({ 1: [[0, 10]], 2: [[30, 50]] });
  });

  it('leaves out what runs beside it', () => {
    expect(path(trace({ id: '1', at: 0, for: 100 }, { id: '2', parent: '1', at: 0, for: 50 }, { id: '3', parent: '1', at: 0, for: 90 }))).toEqual({ 1: [[90, 100]], 3: [[0, 90]] });
  });
});

describe('rows', () => {
  const t = buildTrace(simple);
  it('hide below collapsed spans', () => {
    expect(visibleSpans(t, new Set(['2'])).map((s) => s.id)).toEqual(['1', '2', '3']);
    expect(visibleSpans(t, collapseFrom(t, 0)).map((s) => s.id)).toEqual(['1']);
    const four = t.spans.find((s) => s.id === '4');
    expect(four && [...reveal(four, new Set(['1', '2', '9']))]).toEqual(['9']);
  });

  it('are found by name, service and attribute', () => {
    expect([...findSpans(t, 'OP 3')]).toEqual(['3']);
    expect([...findSpans(t, 'http.route=/v1/x')]).toEqual(['2']);
    expect([...findSpans(t, '/v1')]).toEqual(['2']);
    expect(findSpans(t, ' ').size).toBe(0);
  });
});

describe('the axis', () => {
  it('has round ticks', () => {
    expect(ticks({ fromUs: 0, toUs: 970 }, 5)).toEqual([0, 200, 400, 600, 800]);
    expect(ticks({ fromUs: 130, toUs: 180 }, 5)).toEqual([130, 140, 150, 160, 170, 180]);
  });

  it('has round times of day', () => {
    const noon = new Date(2026, 0, 5, 12).getTime();
    expect(clockTicks(noon - 10_000, noon + 3_600_000, 6)).toEqual([0, 600, 1200, 1800, 2400, 3000, 3600].map((s) => noon / 1000 + s));
  });

  it('cuts bars to the window', () => {
    const window = { fromUs: 100, toUs: 200 };
    expect(bar(window, 50, 150)).toEqual({ left: 0, width: 50 });
    expect(bar(window, 201, 300)).toBeNull();
    expect(position(window, 125)).toBe(25);
    expect(dragWindow(window, 0.8, 0.3)).toEqual({ fromUs: 130, toUs: 180 });
    expect(dragWindow(window, 0.5, 0.501)).toBeNull();
  });
});

it('statistics count self time once', () => {
  const rows = sortStats(statistics(buildTrace(simple), 'service'), 'selfUs', true);
  expect(rows.map((r) => [r.service, r.count, r.selfUs, r.share])).toEqual([['b', 2, 60, 0.6], ['a', 1, 30, 0.3], ['c', 1, 10, 0.1]]);
  expect(statistics(buildTrace(simple), 'operation')).toHaveLength(4);
});

it('the flame view never draws two spans over each other', () => {
  const { placed, lanes } = placeSpans(buildTrace(trace({ id: '1', at: 0, for: 100 }, { id: '2', parent: '1', at: 0, for: 50 }, { id: '3', parent: '1', at: 20, for: 50 })));
  expect(placed.map((p) => [p.span.id, p.lane])).toEqual([['1', 0], ['2', 1], ['3', 2]]);
  expect(lanes).toBe(3);
});

describe('summaries', () => {
  const rows = summarize([simple, { ...trace({ id: '9', parent: 'gone', at: 5, for: 20_000 }), traceID: 'u' }]);
  it('name root, services and errors', () => {
    expect(rows[0]).toMatchObject({ root: 'op 1', rootService: 'a', broken: false, spans: 4, errors: 1, durationUs: 100, startMs: START / 1000 });
    expect(rows[1]).toMatchObject({ root: 'op 9', broken: true });
    expect(sortTraces(rows, 'longest').map((r) => r.id)).toEqual(['u', 't']);
    expect(sortTraces(rows, 'errors').map((r) => r.id)).toEqual(['t', 'u']);
  });

  it('become dots on a scale that fits', () => {
    const scale = durationScale(rows);
    expect(scale).toMatchObject({ log: true, minUs: 100 });
    expect(scaleTicks(scale)).toEqual([100, 1000, 10_000]);
    expect(scaleShare(scale, 100)).toBe(0);
    const dots = toDots(rows, START / 1000 - 1, START / 1000 + 1, scale);
    expect(dots[0]?.row.id).toBe('t');
    expect(dots[0]?.x).toBeCloseTo(0.5);
    expect(durationScale(rows.slice(0, 1)).log).toBe(false);
  });
});

it('services in one view have colours of their own', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  expect(new Set(names.map(serviceColors(names))).size).toBe(7);
});

describe('the address', () => {
  it('holds a search', () => {
    const state = { service: 's', operation: 'o', tags: 'a=b', minDuration: '5ms', maxDuration: '', errors: true, limit: 20, sort: 'longest' as const };
    expect(decodeTraces(patchParams(new URLSearchParams(), encodeTraces(state)))).toEqual(state);
    expect(decodeTraces(new URLSearchParams('minDuration=x&limit=0'))).toMatchObject({ minDuration: '', limit: 50 });
  });

  it('holds a view of a trace', () => {
    const state = { view: 'flame' as const, span: 'ab', find: 'x y', zoom: { fromUs: 10, toUs: 20 }, critical: false };
    expect(decodeTraceView(patchParams(new URLSearchParams(), encodeTraceView(state)))).toEqual(state);
    expect(decodeTraceView(new URLSearchParams('zoom=20-10')).zoom).toBeNull();
  });

  it('reads tags and ids', () => {
    expect(parseTags('error=true http.route="/v1/x \\"y"')).toEqual({ error: 'true', 'http.route': '/v1/x "y' });
    expect(strayTags('a=b stray c="d e"')).toBe('stray');
    expect(formatTag('k', 'two "words"')).toBe('k="two \\"words\\""');
    expect(parseTags(formatTag('k', 'two "words"'))).toEqual({ k: 'two "words"' });
    expect(readTraceId('00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01')).toBe('5b8efff798038103d269b633813fc60c');
    expect(readTraceId(' 5B8EFFF7-98038103d269b633813fc60c ')).toBe('5b8efff798038103d269b633813fc60c');
    expect(readTraceId('gateway')).toBeNull();
    expect(fullTraceId('AB')).toBe('000000000000000000000000000000ab');
  });
});
