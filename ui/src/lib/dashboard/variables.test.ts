import { describe, expect, it } from 'vitest';

import { readVariable } from './migrate';
import { ALL } from './model';
import { applyRegex, autoInterval, choose, customOptions, dependencies, parseVariableQuery, queryText, resolveVariables, sortOptions, toValue, type VariableQuery } from './variables';

const range = { fromMs: 0, toMs: 3_600_000 };

describe('variable queries', () => {
  it.each([
    ['label_values(job)', { kind: 'label_values', label: 'job', selector: '' }],
    ['label_values(up{job=~"a,b", x="y"}, instance)', { kind: 'label_values', label: 'instance', selector: 'up{job=~"a,b", x="y"}' }],
    ['label_names()', { kind: 'label_names', pattern: '' }],
    ['metrics(node_.*)', { kind: 'metrics', pattern: 'node_.*' }],
    ['query_result(max(x) by (y))', { kind: 'query_result', expr: 'max(x) by (y)' }],
    ['up{a="b"}', { kind: 'series', selector: 'up{a="b"}' }],
  ])('reads %s', (source, expected) => {
    expect(parseVariableQuery(source)).toEqual(expected);
  });

  it("reads the objects of Loki's editor", () => {
    expect(queryText(readVariable({ name: 'x', query: { label: 'job', stream: '{a="b"}', type: 1 } }))).toBe('label_values({a="b"}, job)');
  });

  it('applies patterns, groups and orders', () => {
    expect(applyRegex(['node-1:9100', 'x'], '/(.+):\\d+/')).toEqual([{ text: 'node-1', value: 'node-1' }]);
    expect(applyRegex(['a=1'], '/(?<text>\\w)=(?<value>\\d)/')).toEqual([{ text: 'a', value: '1' }]);
    const options = ['b10', 'a2', 'c1'].map((v) => ({ text: v, value: v }));
    const sorted = (sort: number): string[] => sortOptions(options, sort).map((o) => o.value);
    expect(sorted(1)).toEqual(['a2', 'b10', 'c1']);
    expect(sorted(3)).toEqual(['c1', 'a2', 'b10']);
    expect(sorted(4)).toEqual(['b10', 'a2', 'c1']);
    expect(sorted(0)).toEqual(['b10', 'a2', 'c1']);
    expect(customOptions('a, Two : 2, x\\,y')).toEqual([{ text: 'a', value: 'a' }, { text: 'Two', value: '2' }, { text: 'x,y', value: 'x,y' }]);
  });

  it('makes auto an interval of the range', () => {
    expect(autoInterval(readVariable({ name: 'i', auto: true, auto_count: 30 }), range)).toBe('2m');
  });
});

describe('choices', () => {
  const options = ['a', 'b'].map((v) => ({ text: v, value: v }));
  const def = readVariable({ name: 'v', includeAll: true, current: { text: 'gone', value: 'gone' } });
  const values = (wanted?: string[]): string[] => choose(def, options, wanted).map((o) => o.value);

  it('prefers the URL, then what the file chose and exists, then everything', () => {
    expect(values(['gone'])).toEqual(['gone']);
    expect(values(['All'])).toEqual([ALL]);
    expect(values()).toEqual([ALL]);
    expect(choose(readVariable({ name: 'v', current: { text: 'b', value: 'b' } }), options, undefined)).toEqual([options[1]]);
    expect(choose(readVariable({ name: 'v', current: { text: 'gone', value: 'gone' } }), options, undefined)).toEqual([options[0]]);
  });
});

describe('chained variables', () => {
  const defs = [
    readVariable({ name: 'pod', type: 'query', query: 'label_values(up{job=~"$job"}, pod)', multi: true }),
    readVariable({ name: 'job', type: 'query', query: 'label_values(job)', includeAll: true, multi: true }),
    readVariable({ name: 'broken', type: 'query', query: 'label_values(broken)', current: { text: 'old', value: 'old' } }),
  ];

  it('asks each after those it needs, and lets one fail alone', async () => {
    const asked: VariableQuery[] = [];
    const resolved = await resolveVariables(defs, { job: ['web'] }, range, {}, (_, query) => {
      asked.push(query);
      if (query.kind === 'label_values' && query.label === 'broken') return Promise.reject(new Error('no'));
      return Promise.resolve(query.kind === 'label_values' && query.label === 'job' ? ['api', 'web'] : ['pod-1']);
    });
    expect(dependencies(defs[0] as never, new Set(['job', 'pod']))).toEqual(['job']);
    expect(asked).toContainEqual({ kind: 'label_values', label: 'pod', selector: 'up{job=~"web"}' });
    expect(resolved.map((r) => r.def.name)).toEqual(['pod', 'job', 'broken']);
    expect(resolved[2]).toMatchObject({ error: 'no', chosen: [{ value: 'old' }] });
  });

  it('fills everything with all options', () => {
    const def = defs[1] as (typeof defs)[number];
    expect(toValue({ def, options: [{ text: 'a', value: 'a' }, { text: 'b', value: 'b' }], chosen: [{ text: 'All', value: ALL }] }, range)).toMatchObject({ all: true, values: ['a', 'b'], many: true });
  });
});
