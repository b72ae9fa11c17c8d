import { describe, expect, it } from 'vitest';

import { logqlContext } from './logql-context';

describe('what the cursor is at', () => {
  it('inside a selector', () => {
    expect(logqlContext('{')).toEqual({ kind: 'label', prefix: '', others: '' });
    expect(logqlContext('sum(rate({a="b", ser')).toEqual({ kind: 'label', prefix: 'ser', others: '{a="b"}' });
    expect(logqlContext('{a="b", c=~"x')).toEqual({ kind: 'value', label: 'c', prefix: 'x', others: '{a="b"}' });
    expect(logqlContext('{a="}", c="')).toEqual({ kind: 'value', label: 'c', prefix: '', others: '{a="}"}' });
  });

  it('behind it', () => {
    expect(logqlContext('{a="b"} |')).toEqual({ kind: 'pipe', prefix: '' });
    expect(logqlContext('{a="b"} | js')).toEqual({ kind: 'stage', prefix: 'js' });
    expect(logqlContext('{a="b"} | json | detected_level="wa')).toEqual({ kind: 'value', label: 'detected_level', prefix: 'wa', others: null });
    expect(logqlContext('{a="b"} |= "half')).toBeNull();
    expect(logqlContext('{a="b"} |= `half | js')).toBeNull();
  });

  it('in functions and groupings', () => {
    expect(logqlContext('cou')).toEqual({ kind: 'function', prefix: 'cou' });
    expect(logqlContext('sum by (a, ser')).toEqual({ kind: 'name', prefix: 'ser' });
  });
});
