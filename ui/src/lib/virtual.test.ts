import { expect, it } from 'vitest';

import { offsets, rowAt, visible } from './virtual';

it('finds the rows in sight', () => {
  const tops = offsets(5, (i) => (i === 2 ? 100 : 10));
  expect([...tops]).toEqual([0, 10, 20, 120, 130, 140]);
  expect([0, 9, 10, 119, 120, 999].map((y) => rowAt(tops, y))).toEqual([0, 0, 1, 2, 3, 4]);
  expect(visible(tops, 15, 50, 0)).toEqual({ from: 1, to: 3 });
  expect(visible(tops, 15, 50, 10)).toEqual({ from: 0, to: 5 });
  expect(visible(offsets(0, () => 1), 0, 10, 3)).toEqual({ from: 0, to: 0 });
});
