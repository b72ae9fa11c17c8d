import { describe, expect, it } from 'vitest';

import { buildHref, decodeMetrics, decodeSet, encodeMetrics, encodeSet, patchParams } from './url';

describe('the address', () => {
  it('keeps what it is not told to change', () => {
    const patched = patchParams(new URLSearchParams('a=1&b=2'), { b: null, c: 'x' });
    expect(patched.get('a')).toBe('1');
    expect(patched.has('b')).toBe(false);
    expect(buildHref('/p', patched)).toContain('c=x');
  });

  it('holds the state of the metrics page', () => {
    const state = decodeMetrics(new URLSearchParams('g0.expr=up'));
    const again = decodeMetrics(patchParams(new URLSearchParams(), encodeMetrics(state)));
    expect(again).toEqual(state);
    expect(JSON.stringify(state)).toContain('up');
  });

  it('holds sets', () => {
    const params = new URLSearchParams({ s: encodeSet(new Set(['a', 'b'])) });
    expect(decodeSet(params, 's')).toEqual(new Set(['a', 'b']));
  });
});
