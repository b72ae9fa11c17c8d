import { describe, expect, it } from 'vitest';

import { formatDuration, parseDuration, promDuration } from './duration';

describe('durations', () => {
  it('reads what Prometheus, Go and people write', () => {
    expect(parseDuration('1h30m')).toBe(5_400_000);
    expect(parseDuration('250ms')).toBe(250);
    expect(parseDuration('15')).toBe(15_000);
    expect(parseDuration('1h later')).toBeNull();
    expect(parseDuration('')).toBeNull();
  });

  it('writes about three digits for people', () => {
    expect(formatDuration(0)).toBe('0 s');
    expect(formatDuration(0.843)).toBe('843 µs');
    expect(formatDuration(1240)).toBe('1.24 s');
    expect(formatDuration(185_000)).toBe('3 min 5 s');
  });

  it('writes durations for queries', () => {
    expect(promDuration(90)).toBe('1m30s');
    expect(promDuration(0.25)).toBe('250ms');
  });
});
