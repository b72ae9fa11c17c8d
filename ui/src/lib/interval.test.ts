import { describe, expect, it } from 'vitest';

import { chartStep, interval, rateInterval, roundInterval } from './interval';

describe('steps', () => {
  it('round to the table', () => {
    expect(roundInterval(13_000)).toBe(15_000);
    expect(roundInterval(12_000)).toBe(10_000);
    expect(interval(3_600_000, 240)).toBe(15_000);
    expect(interval(1000, 240, 5000)).toBe(5000);
  });

  it('leave room for four scrapes', () => {
    expect(rateInterval(15_000, 15_000)).toBe(60_000);
    expect(rateInterval(300_000, 15_000)).toBe(315_000);
  });

  it('are whole seconds for our charts', () => {
    expect(chartStep(60_000)).toBe(1);
  });
});
