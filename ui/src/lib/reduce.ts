/** Calculations over a series: legends, stats, reduce transformations. */

type Maybe = number | null | undefined;

const real = (values: readonly Maybe[]): number[] => values.filter((v): v is number => v !== null && v !== undefined && !Number.isNaN(v));
const sum = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0);
const orNull = (v: number | undefined): number | null => (v === undefined || !Number.isFinite(v) ? null : v);
const lowest = (v: readonly number[]): number | undefined => (v.length ? v.reduce((a, b) => Math.min(a, b)) : undefined);
const highest = (v: readonly number[]): number | undefined => (v.length ? v.reduce((a, b) => Math.max(a, b)) : undefined);

function variance(v: readonly number[]): number | undefined {
  if (v.length === 0) return undefined;
  const mean = sum(v) / v.length;
  return sum(v.map((x) => (x - mean) ** 2)) / v.length;
}

function quantile(v: readonly number[], q: number): number | undefined {
  const sorted = [...v].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low === undefined || high === undefined ? undefined : low + (high - low) * (at - Math.floor(at));
}

function ends(v: readonly number[]): [number, number] | null {
  const [first, last] = [v[0], v[v.length - 1]];
  return first === undefined || last === undefined ? null : [first, last];
}

const CALCS: Record<string, (all: readonly Maybe[], v: readonly number[]) => number | null | undefined> = {
  lastNotNull: (_, v) => v[v.length - 1],
  last: (all) => all[all.length - 1] ?? null,
  firstNotNull: (_, v) => v[0],
  first: (all) => all[0] ?? null,
  min: (_, v) => lowest(v),
  max: (_, v) => highest(v),
  mean: (_, v) => (v.length ? sum(v) / v.length : undefined),
  sum: (_, v) => sum(v),
  total: (_, v) => sum(v),
  count: (all) => all.length,
  range: (_, v) => (highest(v) ?? NaN) - (lowest(v) ?? NaN),
  delta: (_, v) => v.reduce((total, x, i) => (i === 0 ? 0 : total + (x >= (v[i - 1] ?? 0) ? x - (v[i - 1] ?? 0) : x)), 0),
  diff: (_, v) => (ends(v) ? (ends(v)?.[1] ?? 0) - (ends(v)?.[0] ?? 0) : undefined),
  diffperc: (_, v) => (ends(v) ? ((ends(v)?.[1] ?? 0) - (ends(v)?.[0] ?? 0)) / (ends(v)?.[0] ?? 1) : undefined),
  step: (_, v) => lowest(v.slice(1).map((x, i) => Math.abs(x - (v[i] ?? 0)))),
  logmin: (_, v) => lowest(v.filter((x) => x > 0)),
  allIsZero: (_, v) => (v.every((x) => x === 0) ? 1 : 0),
  allIsNull: (_, v) => (v.length === 0 ? 1 : 0),
  changeCount: (_, v) => v.filter((x, i) => i > 0 && x !== v[i - 1]).length,
  distinctCount: (_, v) => new Set(v).size,
  variance: (_, v) => variance(v),
  stdDev: (_, v) => Math.sqrt(variance(v) ?? NaN),
  median: (_, v) => quantile(v, 0.5),
};

/** The calculation by Grafana's id (also `p95`); null where there is nothing to calculate. */
export function reduce(calc: string, values: readonly Maybe[]): number | null {
  const v = real(values);
  const percentile = /^p(\d{1,2})$/.exec(calc);
  if (percentile) return orNull(quantile(v, Number(percentile[1]) / 100));
  return orNull((CALCS[calc] ?? CALCS['lastNotNull'])?.(values, v) ?? undefined);
}

const NAMES: Record<string, string> = {
  lastNotNull: 'Last *', last: 'Last', firstNotNull: 'First *', first: 'First', mean: 'Mean', min: 'Min', max: 'Max', sum: 'Total', total: 'Total', count: 'Count', range: 'Range',
  delta: 'Delta', diff: 'Difference', diffperc: 'Difference %', stdDev: 'StdDev', variance: 'Variance', median: 'Median', distinctCount: 'Distinct', changeCount: 'Changes', logmin: 'Min (above zero)',
};

/** How a calculation is called in a legend. */
export function calcName(calc: string): string {
  return NAMES[calc] ?? calc;
}
