import { describe, expect, it } from 'vitest';

import { patchParams } from '../url';
import { formatClock } from './clock';
import { labelsOfAll, mergeEntries, nextNs, toEntries } from './entries';
import { entriesToCsv, entriesToJsonLines } from './export';
import { fieldsOf, fieldValue } from './fields';
import { segments, termsRegex } from './highlight';
import { compactJson, flattenJson, jsonOf, prettyJson, prettyPieces } from './json';
import { toLevel } from './level';
import { addMatcher, appendStage, errorPosition, filterByField, isMetricQuery, lineTerms, replaceSelector, selectorOf, streamSelector, volumeQuery } from './logql';
import { decodeLogs, encodeLogs } from './state';
import { toVolume } from './volume';

const TRACE = '5b8efff798038103d269b633813fc60c';
const streams = [
  { stream: { service_name: 'gateway', env: 'a' }, values: [['1700000000000000002', '{"level":"error","msg":"late","user":{"id":7}}', { structuredMetadata: { trace_id: TRACE } }]] as never },
  { stream: { service_name: 'worker', env: 'a' }, values: [['1700000000000000001', 'plain', { structuredMetadata: { detected_level: 'WARN' } }], ['1700000000000000001', 'plain', {}]] as never },
];

describe('entries', () => {
  it('stand in the wanted order with level and trace', () => {
    const newest = toEntries(streams, false);
    expect(newest.map((e) => e.line[0])).toEqual(['{', 'p', 'p']);
    expect(newest.map((e) => e.level)).toEqual(['error', 'warn', 'unknown']);
    expect(newest[0]?.traceId).toBe(TRACE);
    expect(newest[0]?.ms).toBe(1_700_000_000_000);
    expect(toEntries(streams, true)[2]?.level).toBe('error');
  });

  it('keep equal lines of one nanosecond apart, and merge each entry once', () => {
    const entries = toEntries(streams, false);
    expect(new Set(entries.map((e) => e.id)).size).toBe(3);
    expect(mergeEntries(entries, toEntries(streams, false), false)).toHaveLength(3);
    expect(nextNs('1700000000000000009')).toBe('1700000000000000010');
  });

  it('find a trace id inside a JSON line', () => {
    const [entry] = toEntries([{ stream: {}, values: [['1', `{"traceId":"${TRACE}","severity":"info"}`]] }], false);
    expect(entry?.traceId).toBe(TRACE);
    expect(entry?.level).toBe('info');
  });

  it('tell what streams share', () => {
    expect(labelsOfAll(toEntries(streams, false))).toEqual({ common: { env: 'a' }, differing: ['service_name'] });
  });
});

describe('fields', () => {
  const [entry] = toEntries(streams, false);
  it('name their source', () => {
    expect(entry && fieldsOf(entry).map((f) => `${f.kind}:${f.name}=${f.value}`)).toEqual([
      'label:env=a', 'label:service_name=gateway', `metadata:trace_id=${TRACE}`, 'json:level=error', 'json:msg=late', 'json:user_id=7',
    ]);
    expect(entry && fieldValue(entry, 'user_id')).toBe('7');
  });

  it('go into files', () => {
    expect(entry && entriesToCsv([entry], ['user_id'])).toBe('time,level,user_id,line\r\n2023-11-14T22:13:20.000Z,error,7,"{""level"":""error"",""msg"":""late"",""user"":{""id"":7}}"');
    expect(entry && JSON.parse(entriesToJsonLines([entry]))).toMatchObject({ stream: { env: 'a' }, structuredMetadata: { trace_id: TRACE } });
  });
});

describe('JSON lines', () => {
  it('are flattened as the json stage does', () => {
    expect(flattenJson({ a: { b: 1, 'c-d': true }, list: [1], none: null })).toEqual({ a_b: '1', a_c_d: 'true' });
    expect(jsonOf('{"broken"')).toBeNull();
    expect(jsonOf('[1]')).toBeNull();
  });

  it('read message first', () => {
    expect(compactJson('{"ts":1,"level":"info","msg":"done","ms":4}')?.map((p) => p.text).join('')).toBe('done ms=4');
    expect(compactJson('plain')).toBeNull();
    expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(prettyPieces('{"a":-1.5,"b":"x: 1"}')?.filter((p) => p.kind !== 'text').map((p) => `${p.kind} ${p.text}`)).toEqual(['key "a":', 'number -1.5', 'key "b":', 'string "x: 1"']);
    expect(prettyPieces('plain 1')).toBeNull();
  });
});

it('levels have many spellings', () => {
  expect(['ERROR', 'Warning', 'fatal', 'INFO2', 'notice', 'x', undefined].map(toLevel)).toEqual(['error', 'warn', 'critical', 'info', 'info', 'unknown', 'unknown']);
});

describe('queries', () => {
  it('are told apart', () => {
    expect(isMetricQuery('sum(rate({a="b"}[1m]))')).toBe(true);
    expect(isMetricQuery('{a="b"} |= "rate(x[1m])"')).toBe(false);
    expect(selectorOf('rate({a="b"} |= "x" [1m])')).toBe('{a="b"}');
    expect(volumeQuery(' {a="b"} ', '5s')).toBe('sum by (detected_level) (count_over_time({a="b"} [5s]))');
  });

  it('say what they look for', () => {
    expect(lineTerms('{a="b"} |= "x\\"y" |~ `e.r` != "no" !~ "never" | json')).toEqual([{ text: 'x"y', regex: false }, { text: 'e.r', regex: true }]);
  });

  it('take matchers', () => {
    expect(addMatcher('{a="b"} | json', 'c', 'd', '=')).toBe('{a="b", c="d"} | json');
    expect(addMatcher('{a="b"}', 'a', 'z', '=')).toBe('{a="z"}');
    expect(addMatcher('{a="b"}', 'a', 'b', '=')).toBe('{a="b"}');
    expect(addMatcher('{ab="b"}', 'a', 'z', '=')).toBe('{ab="b", a="z"}');
    expect(addMatcher('{a=~"b.*", c="d"}', 'a', 'bz', '=')).toBe('{a="bz", c="d"}');
    expect(addMatcher('{a!="b"}', 'a', 'z', '=')).toBe('{a!="b", a="z"}');
    expect(addMatcher('{a=~"b.*"}', 'a', 'z', '!=')).toBe('{a=~"b.*", a!="z"}');
    expect(addMatcher('', 'a', 'b', '=')).toBe('{a="b"}');
    expect(replaceSelector('{a="b"} |= "x"', '{c="d"}')).toBe('{c="d"} |= "x"');
    expect(streamSelector({ b: '2', a: '"' })).toBe('{a="\\"", b="2"}');
  });

  it('take filters of fields by their kind', () => {
    expect(filterByField('{a="b"}', { kind: 'label', name: 'c', value: 'd' }, '!=')).toBe('{a="b", c!="d"}');
    expect(filterByField('{a="b"}', { kind: 'metadata', name: 'c', value: 'd' }, '=')).toBe('{a="b"} | c="d"');
    expect(filterByField('{a="b"}', { kind: 'json', name: 'c', value: 'd' }, '=')).toBe('{a="b"} | json | c="d"');
    expect(filterByField('{a="b"} | json', { kind: 'json', name: 'c', value: 'd' }, '=', ['c'])).toBe('{a="b"} | json | c_extracted="d"');
    expect(appendStage('{a="b"} | json', '| json')).toBe('{a="b"} | json');
  });

  it('have errors with a place', () => {
    expect(errorPosition('parse error at line 2, col 14: syntax error: unexpected $end')).toEqual({ line: 2, column: 14 });
    expect(errorPosition('query timed out')).toBeNull();
  });
});

describe('highlighting', () => {
  it('marks what filters match', () => {
    const regex = termsRegex([{ text: 'a.b', regex: false }, { text: '(?i)ERR\\d', regex: true }]);
    expect(segments('xa.b acb err7', regex)).toEqual([
      { text: 'x', hit: false }, { text: 'a.b', hit: true }, { text: ' acb ', hit: false }, { text: 'err7', hit: true },
    ]);
    expect(segments('x', termsRegex([]))).toEqual([{ text: 'x', hit: false }]);
    expect(termsRegex([{ text: '(?P<x>y)', regex: true }])).toBeNull();
    expect(segments('aaa', termsRegex([{ text: 'b*', regex: true }]))).toEqual([{ text: 'aaa', hit: false }]);
  });
});

it('the histogram sums spellings of a level', () => {
  const volume = toVolume(
    [
      { metric: { detected_level: 'warn' }, values: [[10, '2']] },
      { metric: { detected_level: 'WARNING' }, values: [[10, '1'], [20, '4']] },
      { metric: {}, values: [[20, '1']] },
    ],
    { start: 10, end: 20, step: 10 },
    (level) => level,
  );
  expect(volume.times).toEqual([5, 15]);
  expect(volume.series.map((s) => [s.id, s.values])).toEqual([['warn', [3, 4]], ['unknown', [null, 1]]]);
  expect(volume.total).toBe(8);
});

it('the state lives in the URL', () => {
  const state = { query: '{a="b"}', limit: 500, oldestFirst: true, wrap: true, format: 'pretty' as const, clock: 'ns' as const, columns: ['x', 'y'], at: '17' };
  expect(decodeLogs(patchParams(new URLSearchParams(), encodeLogs(state)))).toEqual(state);
  expect(decodeLogs(new URLSearchParams('limit=-1&at=x&format=odd'))).toMatchObject({ limit: 200, at: null, format: 'compact' });
});

it('clocks keep the nanoseconds where asked', () => {
  expect(formatClock('iso', '1700000000123456789', 1_700_000_000_123, 0)).toBe('2023-11-14T22:13:20.123456789Z');
  expect(formatClock('ago', '', 1000, 6000)).toBe('5 s ago');
});
