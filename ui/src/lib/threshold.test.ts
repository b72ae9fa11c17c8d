import { expect, it } from 'vitest';

import { thresholdOf } from './threshold';

it.each([
  ['up == 0', ['up', '==', 0]],
  ['histogram_quantile(0.95, sum by (le) (rate(x_bucket{job="a"}[5m]))) > 2.5', ['histogram_quantile(0.95, sum by (le) (rate(x_bucket{job="a"}[5m])))', '>', 2.5]],
  ['sum(rate(a[5m])) / sum(rate(b[5m])) > 0.01', ['sum(rate(a[5m])) / sum(rate(b[5m]))', '>', 0.01]],
  ['10 < rate(a[1m])', ['rate(a[1m])', '>', 10]],
  ['a > 14.4 * (1 - 0.999)', ['a', '>', 14.4 * (1 - 0.999)]],
  ['(a >= -1) and b', ['a', '>=', -1]],
  ['a > 1 and b < 2', ['a', '>', 1]],
  ['a != 1e3', ['a', '!=', 1000]],
] as const)('%s', (expr, [side, operator, value]) => {
  expect(thresholdOf(expr)).toEqual({ expr: side, operator, value });
});

it.each(['absent(up)', 'a > b', 'count(up == 0)', '', 'a unless b', '1 > 2'])('%s has none', (expr) => {
  expect(thresholdOf(expr)).toBeNull();
});
