/** Lanes of the flame view: time across, depth down, no two spans over each other. */

import type { SpanNode, Trace } from './model';

export interface Placed {
  span: SpanNode;
  lane: number;
}

/** Each span below its parent, in the first lane that is free at its start. */
export function placeSpans(trace: Trace): { placed: Placed[]; lanes: number } {
  const laneOf = new Map<SpanNode, number>();
  const ends: number[] = [];
  const byStart = [...trace.spans].sort((a, b) => a.startUs - b.startUs || a.depth - b.depth);
  const placed = byStart.map((span) => {
    let lane = span.parent ? (laneOf.get(span.parent) ?? -1) + 1 : 0;
    while ((ends[lane] ?? -1) > span.startUs) lane++;
    for (let i = ends.length; i <= lane; i++) ends[i] = -1;
    ends[lane] = Math.max(span.endUs, span.startUs);
    laneOf.set(span, lane);
    return { span, lane };
  });
  return { placed, lanes: ends.length };
}
