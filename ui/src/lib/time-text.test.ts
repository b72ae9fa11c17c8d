import { expect, it } from 'vitest';

import { inRange } from './time';

it('a range reads well in a sentence', () => {
  expect(inRange('Last 15 minutes')).toBe('in the last 15 minutes');
  expect(inRange('Last 1 hour')).toBe('in the last hour');
  expect(inRange('2026-01-01 10:00:00 → 11:00:00')).toBe('in 2026-01-01 10:00:00 → 11:00:00');
});
