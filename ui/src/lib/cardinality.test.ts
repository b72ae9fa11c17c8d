import { describe, expect, it } from 'vitest';
import { nonEmpty, pairSelector, quoteName } from './cardinality';

describe('selectors of counts', () => {
  it('selects the series that have a label', () => {
    expect(nonEmpty('pod')).toBe('{pod!=""}');
    expect(nonEmpty('service.name')).toBe('{"service.name"!=""}');
  });

  it('splits a pair at its first equals sign', () => {
    expect(pairSelector('job=api')).toBe('{job="api"}');
    expect(pairSelector('query=a=b"c')).toBe('{query="a=b\\"c"}');
  });

  it('quotes only names that need it', () => {
    expect(quoteName('_le')).toBe('_le');
    expect(quoteName('9lives')).toBe('"9lives"');
  });
});
