import { describe, expect, it } from 'vitest';
import { mayPropose } from './promql-completion';

describe('proposals open by themselves', () => {
  it.each(['', 'sum(up)', 'sum(up) ', 'up[5m]', 'up{job="a"}', 'rate(x[5m]) + '])('not where %j may be run or nothing is begun', (before) => {
    expect(mayPropose(before)).toBe(false);
  });

  it.each(['u', 'sum(', 'sum by (', 'up{', 'up{job=', 'up{job="', 'up[', 'sum(up) by', 'up{job="a", ', 'up @ e'])('after %j', (before) => {
    expect(mayPropose(before)).toBe(true);
  });
});
