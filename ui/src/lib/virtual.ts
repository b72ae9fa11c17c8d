/** Which rows of a long list are in sight. */

/** The top of each row and, at the end, the whole height. */
export function offsets(count: number, height: (index: number) => number): Float64Array {
  const out = new Float64Array(count + 1);
  for (let i = 0; i < count; i++) out[i + 1] = (out[i] ?? 0) + height(i);
  return out;
}

/** The row that covers `y`. */
export function rowAt(tops: Float64Array, y: number): number {
  let [low, high] = [0, tops.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((tops[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

export interface Slice {
  from: number;
  /** Exclusive. */
  to: number;
}

/** Rows between `top` and `bottom` and some more on either side. */
export function visible(tops: Float64Array, top: number, bottom: number, overscan: number): Slice {
  const count = tops.length - 1;
  if (count <= 0 || bottom <= top) return { from: 0, to: Math.min(Math.max(0, count), overscan) };
  const from = Math.max(0, rowAt(tops, Math.max(0, top)) - overscan);
  return { from, to: Math.min(count, rowAt(tops, Math.max(0, bottom)) + 1 + overscan) };
}
