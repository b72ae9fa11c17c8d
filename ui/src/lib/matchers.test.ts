import { describe, expect, it } from 'vitest';

import { compileMatchers, exactMatchers, labelsOfText, parseMatchers, printMatchers, regexOf, saysSomething, withEquality } from './matchers';

const read = (text: string): string => {
  const parsed = parseMatchers(text);
  return parsed.matchers ? printMatchers(parsed.matchers) : `problem: ${parsed.problem}`;
};
const fits = (text: string, labels: Record<string, string>): boolean => compileMatchers(parseMatchers(text).matchers ?? [])(labels);

describe('reading', () => {
  it.each([
    ['alertname="x", severity=~"a|b"', 'alertname="x", severity=~"a|b"'],
    ['{ a != b , c!~"d.*", }', 'a!="b", c!~"d.*"'],
    ['', ''],
    ['{}', ''],
    ['"service.name"="gä te", job=a:b', '"service.name"="gä te", job="a:b"'],
    ['path=~"\\\\d+", q="say \\"hi\\""', 'path=~"\\\\d+", q="say \\"hi\\""'],
    ['😀=x', '"😀"="x"'],
  ])('%s', (text, printed) => {
    expect(read(text)).toBe(printed);
    expect(read(printed)).toBe(printed);
  });

  it.each([
    ['a', 'expected =, !=, =~ or !~ after a'],
    ['a=', 'expected a value after a=, such as a="x"'],
    ['a="b" c="d"', 'expected a comma between matchers, found “c="d"”'],
    ['a="b', 'expected a closing quote, found “"b”'],
    ['{a="b"', 'expected a closing brace'],
    ['a=~"("', '"(" is no regular expression'],
    ['="x"', 'expected a label name, found “="x"”'],
  ])('says what is wrong with %s', (text, problem) => {
    expect(read(text)).toBe(`problem: ${problem}`);
  });
});

describe('matching', () => {
  const labels = { alertname: 'Slow', severity: 'critical' };
  it.each([
    ['alertname="Slow"', true],
    ['alertname="slow"', false],
    ['alertname=~"(?i)slow"', true],
    ['severity=~"crit"', false],
    ['severity=~"crit.*", team=""', true],
    ['team!=""', false],
    ['severity!~"warn.*|info"', true],
    ['', true],
  ])('%s', (text, expected) => {
    expect(fits(text, labels)).toBe(expected);
  });

  it('knows expressions that it cannot read', () => {
    expect(regexOf('[')).toBeNull();
    expect(compileMatchers([{ name: 'a', value: '[', isRegex: true }])({ a: '[' })).toBe(false);
  });
});

it('takes an alert as it is', () => {
  expect(printMatchers(exactMatchers({ b: '2', a: '1' }))).toBe('a="1", b="2"');
});

it('wants a silence to ask for something', () => {
  const says = (text: string): boolean => saysSomething(parseMatchers(text).matchers ?? []);
  expect([says('a="b"'), says('a=""'), says('a=~".*"'), says('a=~".+"'), says('a!="b"'), says('a!=""')]).toEqual([true, false, false, true, false, false]);
});

it('adds an equality once', () => {
  expect([withEquality('', 'a', 'b'), withEquality('a="b"', 'a', 'b'), withEquality('c=~"d"', 'a', 'b'), withEquality('broken=', 'a', 'b')]).toEqual(['a="b"', 'a="b"', 'c=~"d", a="b"', 'a="b"']);
});

it('reads labels', () => {
  expect(labelsOfText('a="b", "c d"=e')).toEqual({ labels: { a: 'b', 'c d': 'e' } });
  expect(labelsOfText('a=~"b"').problem).toBe('labels have values: write a="x" in place of a=~"b"');
  expect(labelsOfText('a').problem).toMatch(/after a/);
});
