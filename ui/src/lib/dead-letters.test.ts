import { describe, expect, it } from 'vitest';

import type { Job } from '../api/dlq';
import { ageOf, AGES, describeFilter, eventText, filterOf, jobShare, jobText, readRate, reasonBars, waitingOf } from './dead-letters';

const job = (patch: Partial<Job> = {}): Job => ({
  id: 1, action: 'replay', state: 'done', letters: {}, by: 'ada', reason: '', rate_per_second: null, started: '', ended: null,
  total: 4, done: 4, failed: 0, failures: [], may_be_more: false, error: null, trace_id: null, ...patch,
});

describe('the filter in the address', () => {
  it('takes what is there and leaves the default out', () => {
    expect(filterOf(new URLSearchParams('topic=orders&text=+&state=waiting&since=1h&offset=50&id=x'))).toEqual({ topic: 'orders', since: '1h' });
    expect(filterOf(new URLSearchParams('state=settled'))).toEqual({ state: 'settled' });
    expect(filterOf(new URLSearchParams('state=burnt'))).toEqual({});
  });

  it('is one of the ages, or another', () => {
    expect([ageOf({}), AGES[ageOf({ until: '1d' })]?.text, ageOf({ since: '7m' })]).toEqual([0, 'Older than a day', -1]);
  });

  it('reads as words', () => {
    expect(describeFilter({ topic: 'orders', error_type: 'decode', until: '1d' })).toBe('of orders, with the error decode, older than 1d');
    expect(describeFilter({})).toBe('of all topics');
  });
});

describe('counts', () => {
  it('draws reasons against the most frequent one', () => {
    const reasons = [{ source_topic: 'a', error_type: 'x', waiting: 4 }, { source_topic: 'b', error_type: 'y', waiting: 1 }];
    expect(reasonBars(reasons).map((b) => b.share)).toEqual([1, 0.25]);
    expect(reasonBars(reasons, 1)).toHaveLength(1);
    const queue = { topic: 'a.dlq', source_topic: 'a', settled: 9, oldest: null, is_truncated: false };
    expect(waitingOf([{ ...queue, waiting: 2 }, { ...queue, waiting: 3 }])).toBe(5);
  });
});

describe('a job', () => {
  it.each([
    [{}, '4 of 4 replayed'],
    [{ action: 'discard', failed: 1, done: 3 }, '3 of 4 discarded, 1 failed and wait on'],
    [{ state: 'running', done: 1 }, '1 of 4 replayed'],
    [{ state: 'cancelled', done: 1 }, '1 of 4 replayed, then cancelled; 3 wait on'],
    [{ total: 0, done: 0 }, 'no letter waited any more'],
    [{ state: 'failed', error: 'the bus is away' }, 'the bus is away'],
    [{ may_be_more: true }, '4 of 4 replayed; there may be more'],
  ] as [Partial<Job>, string][])('%o', (patch, text) => {
    expect(jobText(job(patch))).toBe(text);
  });

  it('is somewhere between nothing and all', () => {
    expect([job({ state: 'running', done: 1, failed: 1 }), job({ state: 'running', total: 0, done: 0 }), job({ total: 0, done: 0 })].map(jobShare)).toEqual([0.5, 0, 1]);
  });

  it('has a pace, or none, or one that is wrong', () => {
    expect(['', ' 20 ', '0.5', '0', 'fast', '1e9'].map(readRate)).toEqual([null, 20, 0.5, undefined, undefined, undefined]);
  });
});

it('shows an event as it came', () => {
  const letter = { original_event: { a: 1 } } as unknown as Parameters<typeof eventText>[0];
  expect(eventText(letter)).toBe('{\n  "a": 1\n}');
  expect(eventText({ ...letter, original_event: 'no json' })).toBe('no json');
});
