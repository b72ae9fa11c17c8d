import { describe, expect, it } from 'vitest';

import { interpolate, narrow } from './interpolate';
import { scopeOf, variable } from './testing';

const scope = scopeOf(variable('job', ['a.b', 'c'], { many: true }), variable('one', ['x"y'], { many: false }), variable('every', ['p', 'q'], { all: true, allValue: '.+', many: true }), variable('rest', ['p', 'q'], { all: true, many: true }));

describe('interpolation', () => {
  it.each([
    ['{job=~"$job"}', '{job=~"(a\\\\.b|c)"}'],
    ['{x="$one"}', '{x="x\\"y"}'],
    ['{x=~"$every"}', '{x=~".+"}'],
    ['{x=~"${rest}"}', '{x=~"(p|q)"}'],
    ['[[job:pipe]] ${job:csv} ${job:regex}', 'a.b|c a.b,c (a\\.b|c)'],
    ['${job:singlequote} ${job:doublequote} ${job:json}', `'a.b','c' "a.b","c" ["a.b","c"]`],
    ['rate(x[$__interval]) $unknown $', 'rate(x[15s]) $unknown $'],
    ['${__from:date:iso} ${__from:date:seconds}', '2023-11-14T22:13:20.000Z 1700000000'],
  ])('fills %s', (source, expected) => {
    expect(interpolate(source, scope, 'query')).toBe(expected);
  });

  it('writes titles for people and links for the URL', () => {
    expect(interpolate('Calls of $job / $every', scope, 'text')).toBe('Calls of a.b + c / All');
    expect(interpolate('/d/x?${job:queryparam}&${every:queryparam}', scope, 'url')).toBe('/d/x?var-job=a.b&var-job=c&var-every=%24__all');
  });

  it('narrows a repeated variable to one value', () => {
    expect(interpolate('{job=~"$job"}', narrow(scope, 'job', 'c', 'c'), 'query')).toBe('{job=~"c"}');
  });
});
