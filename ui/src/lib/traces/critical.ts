/** The critical path: the chain of spans that decided when the trace ended. */

import type { SpanNode, Trace } from './model';

export type Stretch = [fromUs: number, toUs: number];

/**
 * Walks back from the end of the last span. A child that outlives its parent (a message handled later) is followed too;
 * time between the two in which neither runs belongs to nobody.
 */
export function criticalPath(trace: Trace): Map<SpanNode, Stretch[]> {
  const ends = subtreeEnds(trace.spans);
  const path = new Map<SpanNode, Stretch[]>();
  const last = trace.roots.reduce<SpanNode | null>((best, r) => (best && endOf(ends, best) >= endOf(ends, r) ? best : r), null);
  const todo: [SpanNode, number][] = last ? [[last, endOf(ends, last)]] : [];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const [span, until] = next;
    let cursor = until;
    for (const child of [...span.children].sort((a, b) => endOf(ends, b) - endOf(ends, a))) {
      const end = Math.min(endOf(ends, child), cursor);
      if (child.startUs >= cursor || end <= span.startUs) continue;
      add(path, span, end, cursor);
      todo.push([child, end]);
      cursor = Math.max(child.startUs, span.startUs);
    }
    add(path, span, span.startUs, cursor);
  }
  for (const stretches of path.values()) stretches.sort((a, b) => a[0] - b[0]);
  return path;
}

const endOf = (ends: ReadonlyMap<SpanNode, number>, span: SpanNode): number => ends.get(span) ?? span.endUs;

/** When a span and all below it are over. */
function subtreeEnds(spans: readonly SpanNode[]): Map<SpanNode, number> {
  const ends = new Map<SpanNode, number>();
  for (let i = spans.length - 1; i >= 0; i--) {
    const span = spans[i];
    if (!span) continue;
    const end = Math.max(span.endUs, ends.get(span) ?? 0);
    ends.set(span, end);
    if (span.parent) ends.set(span.parent, Math.max(end, ends.get(span.parent) ?? 0));
  }
  return ends;
}

/** Only the part in which the span itself runs. */
function add(path: Map<SpanNode, Stretch[]>, span: SpanNode, from: number, to: number): void {
  const [start, end] = [Math.max(from, span.startUs), Math.min(to, span.endUs)];
  if (end <= start) return;
  const stretches = path.get(span) ?? [];
  stretches.push([start, end]);
  path.set(span, stretches);
}
