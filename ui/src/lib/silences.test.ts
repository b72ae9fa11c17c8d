import { describe, expect, it } from 'vitest';

import type { Silence } from '../api/alertmanager';
import { countSilences, draftOf, draftProblems, fromLocalInput, newDraft, readSilences, silenceFits, sortSilences, toLocalInput, toPostable } from './silences';

const NOW = Date.parse('2026-05-01T12:00:00Z');
const iso = (minutes: number): string => new Date(NOW + minutes * 60_000).toISOString();
const silence = (id: string, state: Silence['status']['state'], from: number, to: number): Silence => ({
  id, matchers: [{ name: 'alertname', value: id, isRegex: false, isEqual: true }], startsAt: iso(from), endsAt: iso(to), updatedAt: iso(from), createdBy: 'ann', comment: 'roll-out', status: { state },
});

describe('lists', () => {
  const all = [silence('old', 'expired', -90, -60), silence('late', 'active', -5, 60), silence('next', 'pending', 10, 20), silence('soon', 'active', -5, 5), silence('older', 'expired', -900, -600)];
  it('shows what ends next first', () => {
    expect(sortSilences(all).map((s) => s.id)).toEqual(['soon', 'late', 'next', 'old', 'older']);
    expect(countSilences(all)).toEqual({ active: 2, pending: 1, expired: 2 });
  });
  it('finds by matcher, comment and author', () => {
    expect([silenceFits(all[0] as Silence, 'alertname="OLD'), silenceFits(all[0] as Silence, 'roll'), silenceFits(all[0] as Silence, 'bob')]).toEqual([true, true, false]);
  });
});

describe('drafts', () => {
  it('last as long as asked', () => {
    expect(newDraft('a="b"', NOW, '30m', 'ann').endsMs).toBe(NOW + 1_800_000);
    expect(newDraft('a="b"', NOW, 'nonsense', 'ann').endsMs).toBe(NOW + 7_200_000);
  });
  it('change a live silence and recreate an expired one', () => {
    expect(draftOf(silence('x', 'active', -30, 30), NOW)).toMatchObject({ id: 'x', startsMs: NOW - 1_800_000, endsMs: NOW + 1_800_000, matchers: 'alertname="x"' });
    const again = draftOf(silence('x', 'expired', -90, -60), NOW);
    expect(again).toMatchObject({ startsMs: NOW, endsMs: NOW + 1_800_000 });
    expect(again.id).toBeUndefined();
  });
  it('say what is missing', () => {
    const good = { ...newDraft('a="b"', NOW, '1h', 'ann', 'why'), endsMs: NOW + 60_000 };
    expect(draftProblems(good, NOW)).toEqual({});
    expect(Object.keys(draftProblems({ ...good, matchers: 'a=', endsMs: NaN, createdBy: ' ', comment: '' }, NOW))).toEqual(['matchers', 'ends', 'createdBy', 'comment']);
    expect(draftProblems({ ...good, matchers: 'a=~".*"' }, NOW).matchers).toMatch(/must ask for a value/);
    expect(draftProblems({ ...good, startsMs: NOW - 9000, endsMs: NOW - 1 }, NOW).ends).toBe('the end has passed');
    expect(draftProblems({ ...good, endsMs: good.startsMs }, NOW).ends).toBe('the end is not after the start');
  });
  it('are sent in UTC', () => {
    expect(toPostable({ ...newDraft('a!="b"', NOW, '1h', ' ann ', 'why'), id: 'i' })).toEqual({
      id: 'i', matchers: [{ name: 'a', value: 'b', isRegex: false, isEqual: false }], startsAt: iso(0), endsAt: iso(60), createdBy: 'ann', comment: 'why',
    });
  });
  it('pass through the local time of an input', () => {
    expect(fromLocalInput(toLocalInput(NOW))).toBe(NOW);
    expect(toLocalInput(NaN)).toBe('');
    expect(fromLocalInput('')).toBeNaN();
  });
});

describe('files', () => {
  it('leave out what has ended and drop ids', () => {
    const read = readSilences(JSON.stringify([silence('a', 'active', -5, 5), silence('b', 'expired', -9, -5)]), NOW);
    expect(read).toEqual({ ended: 1, silences: [{ matchers: [{ name: 'alertname', value: 'a', isRegex: false, isEqual: true }], startsAt: iso(-5), endsAt: iso(5), createdBy: 'ann', comment: 'roll-out' }] });
  });
  it.each([
    ['{', /no JSON/],
    ['[1]', 'silence 1: is no object'],
    ['{"matchers":[]}', 'silence 1: has no matchers'],
    ['{"matchers":[{"name":"a"}]}', 'silence 1: has a matcher without name or value'],
    ['{"matchers":[{"name":"a","value":"b"}],"startsAt":"x"}', 'silence 1: has no startsAt'],
  ])('%s', (text, problem) => {
    expect(readSilences(text, NOW).problem).toMatch(problem);
  });
});
