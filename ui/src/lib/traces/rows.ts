/** Rows of the waterfall: what is visible, what matches, what comes next. */

import type { SpanNode, Trace } from './model';

/** Spans of which no ancestor is collapsed. */
export function visibleSpans(trace: Trace, collapsed: ReadonlySet<string>): SpanNode[] {
  if (collapsed.size === 0) return trace.spans;
  const out: SpanNode[] = [];
  let hiddenBelow = Infinity;
  for (const span of trace.spans) {
    if (span.depth > hiddenBelow) continue;
    hiddenBelow = collapsed.has(span.key) ? span.depth : Infinity;
    out.push(span);
  }
  return out;
}

/** Spans that a text fits: name, service, ids, attributes, resource, events; `key=value` fits an attribute exactly. */
export function findSpans(trace: Trace, text: string): Set<string> {
  const needle = text.trim().toLowerCase();
  if (!needle) return new Set();
  const pair = /^([\w.\-/]+)=(.+)$/.exec(needle);
  const fits = (span: SpanNode): boolean => {
    const tags = [...span.tags, ...span.resource, ...span.events.flatMap((e) => e.fields)];
    if (pair && tags.some((t) => t.key.toLowerCase() === pair[1] && String(t.value).toLowerCase() === pair[2]?.replace(/^"|"$/g, ''))) return true;
    const texts = [span.name, span.service, span.id, ...span.events.map((e) => e.name), ...span.warnings];
    return texts.some((t) => t.toLowerCase().includes(needle)) || tags.some((t) => t.key.toLowerCase().includes(needle) || String(t.value).toLowerCase().includes(needle));
  };
  return new Set(trace.spans.filter(fits).map((s) => s.key));
}

/** The collapsed set that brings a span in sight. */
export function reveal(span: SpanNode, collapsed: ReadonlySet<string>): ReadonlySet<string> {
  const next = new Set(collapsed);
  for (let at = span.parent; at; at = at.parent) next.delete(at.key);
  return next.size === collapsed.size ? collapsed : next;
}

/** All spans with children from this depth on. */
export function collapseFrom(trace: Trace, depth: number): Set<string> {
  return new Set(trace.spans.filter((s) => s.children.length > 0 && s.depth >= depth).map((s) => s.key));
}
