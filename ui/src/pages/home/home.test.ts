import { describe, expect, it } from 'vitest';

import type { JaegerTrace } from '../../api/jaeger';
import { faultsBySystem } from './faults';
import { groupFailures, logFailures, messageOf, pattern, spanFailures } from './failures';
import { errorShare, httpQueries, last, mergeRows, spanQueries, toRows } from './services';

describe('services', () => {
  const queries = spanQueries('1m');
  const of = (name: string, values: (number | null)[]) => ({ metric: { service_name: name }, values });

  it('makes a row of each service with its errors among the calls', () => {
    const [a, b] = toRows(queries, [of('a', [2, 2]), of('b', [null, 1])], [of('a', [1, null])], [of('a', [10, 20])]);
    expect(a).toMatchObject({ name: 'a', origin: 'spans', errors: { values: [1, 0] } });
    expect([a && errorShare(a), b && errorShare(b), a && last(a.duration), b && last(b.duration)]).toEqual([0.25, 0, 20, null]);
  });

  it('asks scraped counters by the names that are there', () => {
    expect(httpQueries(new Set(['up']), [], '1m')).toBeNull();
    const found = httpQueries(new Set(['http_requests_total', 'http_request_duration_seconds_bucket']), ['job', 'code'], '1m');
    expect(found?.errors).toBe('sum by (job) (rate(http_requests_total{code=~"5..|5xx"}[1m]))');
    expect(found?.duration).toContain('http_request_duration_seconds_bucket');
  });

  it('lets spans win over scraped metrics and puts its own last', () => {
    const spans = toRows(queries, [of('skopos', [9]), of('a', [1])], [], []);
    const scraped = { ...spanQueries('1m'), origin: 'http' as const };
    expect(mergeRows(spans, toRows(scraped, [of('a', [5]), of('b', [3])], [], [])).map((r) => [r.name, r.origin])).toEqual([['b', 'http'], ['a', 'spans'], ['skopos', 'spans']]);
  });
});

describe('failures', () => {
  it('counts lines together that differ in numbers and ids', () => {
    expect(pattern('timeout after 30s id=0123456789abcdef')).toBe(pattern('timeout after 5.5s id=fedcba9876543210'));
    expect([messageOf('{"level":"error","msg":"boom"}'), messageOf('level=error msg="a \\"b\\"" x=1'), messageOf('plain')]).toEqual(['boom', 'a "b"', 'plain']);
    const lines = logFailures([{ stream: { service_name: 's' }, values: [['2000000000', 'timeout after 1s', { structuredMetadata: { trace_id: 't2' } }], ['1000000000', 'timeout after 2s']] }]);
    expect(groupFailures(lines, 5)).toEqual([expect.objectContaining({ service: 's', count: 2, ms: 2000, traceId: 't2', text: 'timeout after 1s' })]);
  });

  it('names the span where a trace began to fail', () => {
    const span = (id: string, parent: string | null, error: boolean) => ({
      traceID: 't', spanID: id, operationName: `op-${id}`, startTime: 1_000_000, duration: 5, processID: id, warnings: null, logs: [],
      references: parent ? [{ refType: 'CHILD_OF', traceID: 't', spanID: parent }] : [],
      tags: error ? [{ key: 'error', type: 'bool', value: true }, { key: 'otel.status_description', type: 'string', value: 'refused' }] : [],
    });
    const trace: JaegerTrace = { traceID: 't', warnings: null, spans: [span('root', null, true), span('leaf', 'root', true), span('fine', 'leaf', false)], processes: { leaf: { serviceName: 'db', tags: [] } } };
    expect(spanFailures([trace, trace])).toEqual([expect.objectContaining({ kind: 'span', service: 'db', text: 'op-leaf: refused', traceId: 't', ms: 1000 })]);
  });
});

it('lists faults under their systems, by name', () => {
  const fault = (system: string, name: string) => ({ name, system, service: '', about: '', alerts: [], active: false });
  const groups = faultsBySystem([fault('b', 'z'), fault('a', 'y'), fault('b', 'x')]);
  expect(groups.map((g) => [g.system, g.faults.map((f) => f.name)])).toEqual([['a', ['y']], ['b', ['x', 'z']]]);
});
