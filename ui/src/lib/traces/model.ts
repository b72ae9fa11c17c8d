/** A trace as a tree, honest about what is missing: spans without their parent, cycles, clocks that disagree. */

import type { JaegerSpan, JaegerTag, JaegerTrace } from '../../api/jaeger';
import { serviceColors } from './colors';

export interface SpanEvent {
  /** Microseconds after the trace's start. */
  atUs: number;
  name: string;
  fields: JaegerTag[];
}

export interface SpanNode {
  /** The span's id; a number follows where a trace has the id twice. */
  key: string;
  id: string;
  name: string;
  service: string;
  color: string;
  kind: string;
  /** Microseconds after the trace's start. */
  startUs: number;
  durationUs: number;
  endUs: number;
  /** Time in which no child runs. */
  selfUs: number;
  error: boolean;
  statusMessage: string;
  tags: JaegerTag[];
  resource: JaegerTag[];
  events: SpanEvent[];
  links: { traceId: string; spanId: string; kind: string }[];
  warnings: string[];
  parent: SpanNode | null;
  /** The parent's id where the parent itself is not in the trace. */
  missingParent: string | null;
  children: SpanNode[];
  depth: number;
  /** Spans below. */
  descendants: number;
  /** How much it starts before its parent; only clocks that disagree do that. */
  skewUs: number;
}

export interface ServiceCount {
  name: string;
  color: string;
  spans: number;
  errors: number;
}

export interface Trace {
  id: string;
  /** In the order of the tree, children by their start. */
  spans: SpanNode[];
  roots: SpanNode[];
  /** Microseconds since the epoch. */
  startUs: number;
  durationUs: number;
  services: ServiceCount[];
  depth: number;
  errors: number;
  warnings: string[];
}

const tagText = (tags: readonly JaegerTag[], key: string): string => String(tags.find((t) => t.key === key)?.value ?? '');

/** Whether a span says that it failed. */
export function isError(span: Pick<JaegerSpan, 'tags'>): boolean {
  return span.tags.some((t) => (t.key === 'error' && (t.value === true || t.value === 'true')) || (t.key === 'otel.status_code' && t.value === 'ERROR'));
}

/** The id of a span's parent within its own trace. */
export function parentId(span: JaegerSpan): string | null {
  const own = span.references.filter((r) => r.traceID === span.traceID);
  return (own.find((r) => r.refType === 'CHILD_OF') ?? own.find((r) => r.refType === 'FOLLOWS_FROM'))?.spanID ?? null;
}

export function buildTrace(raw: JaegerTrace): Trace {
  const startUs = raw.spans.reduce((min, s) => Math.min(min, s.startTime), Infinity);
  const color = serviceColors(Object.values(raw.processes).map((p) => p.serviceName));
  const nodes = raw.spans.map((span) => toNode(span, raw, Number.isFinite(startUs) ? startUs : 0, color));
  const roots = linkTree(nodes, raw.spans);
  const spans = inTreeOrder(roots);
  for (const span of spans) span.selfUs = selfTime(span);
  countDescendants(spans);
  return {
    id: raw.traceID, spans, roots, startUs: Number.isFinite(startUs) ? startUs : 0,
    durationUs: spans.reduce((max, s) => Math.max(max, s.endUs), 0),
    services: countServices(spans), depth: spans.reduce((max, s) => Math.max(max, s.depth + 1), 0), errors: spans.filter((s) => s.error).length,
    warnings: [...(raw.warnings ?? []), ...treeWarnings(spans, roots)],
  };
}

function toNode(span: JaegerSpan, raw: JaegerTrace, startUs: number, color: (service: string) => string): SpanNode {
  const process = raw.processes[span.processID];
  const service = process?.serviceName ?? 'unknown';
  const relative = span.startTime - startUs;
  const parent = parentId(span);
  return {
    key: span.spanID, id: span.spanID, name: span.operationName, service, color: color(service), kind: tagText(span.tags, 'span.kind'),
    startUs: relative, durationUs: span.duration, endUs: relative + span.duration, selfUs: 0,
    error: isError(span), statusMessage: tagText(span.tags, 'otel.status_description'), tags: span.tags, resource: process?.tags ?? [],
    events: span.logs.map((log) => ({ atUs: log.timestamp - startUs, name: tagText(log.fields, 'event') || 'event', fields: log.fields.filter((f) => f.key !== 'event') })),
    links: span.references.filter((r) => r.traceID !== span.traceID || r.spanID !== parent).map((r) => ({ traceId: r.traceID, spanId: r.spanID, kind: r.refType })),
    warnings: span.warnings ?? [], parent: null, missingParent: null, children: [], depth: 0, descendants: 0, skewUs: 0,
  };
}

/** Sets parents and children; the answer is every span that hangs below nothing. */
function linkTree(nodes: SpanNode[], spans: readonly JaegerSpan[]): SpanNode[] {
  const byId = new Map<string, SpanNode>();
  nodes.forEach((node, i) => {
    if (byId.has(node.id)) node.key = `${node.id}-${i}`;
    else byId.set(node.id, node);
  });
  nodes.forEach((node, i) => {
    const id = spans[i] ? parentId(spans[i]) : null;
    const parent = id === null ? undefined : byId.get(id);
    if (parent && parent !== node && !isBelow(parent, node)) {
      node.parent = parent;
      parent.children.push(node);
      node.skewUs = Math.max(0, parent.startUs - node.startUs);
    } else if (id !== null) node.missingParent = id;
  });
  const byStart = (a: SpanNode, b: SpanNode): number => a.startUs - b.startUs || b.durationUs - a.durationUs;
  for (const node of nodes) node.children.sort(byStart);
  return nodes.filter((n) => !n.parent).sort(byStart);
}

/** Whether `node` hangs somewhere below `other`; following parents ends because links made so far have no cycle. */
function isBelow(node: SpanNode, other: SpanNode): boolean {
  for (let at: SpanNode | null = node; at; at = at.parent) if (at === other) return true;
  return false;
}

function inTreeOrder(roots: readonly SpanNode[]): SpanNode[] {
  const out: SpanNode[] = [];
  const stack = [...roots].reverse();
  for (let node = stack.pop(); node; node = stack.pop()) {
    node.depth = node.parent ? node.parent.depth + 1 : 0;
    out.push(node);
    for (let i = node.children.length - 1; i >= 0; i--) {
      const child = node.children[i];
      if (child) stack.push(child);
    }
  }
  return out;
}

function selfTime(span: SpanNode): number {
  let covered = 0;
  let end = span.startUs;
  for (const child of span.children) {
    const [from, to] = [Math.max(child.startUs, end), Math.min(child.endUs, span.endUs)];
    if (to > from) {
      covered += to - from;
      end = to;
    }
  }
  return Math.max(0, span.durationUs - covered);
}

function countDescendants(spans: readonly SpanNode[]): void {
  for (let i = spans.length - 1; i >= 0; i--) {
    const span = spans[i];
    if (span?.parent) span.parent.descendants += span.descendants + 1;
  }
}

function countServices(spans: readonly SpanNode[]): ServiceCount[] {
  const counts = new Map<string, ServiceCount>();
  for (const span of spans) {
    const count = counts.get(span.service) ?? { name: span.service, color: span.color, spans: 0, errors: 0 };
    count.spans++;
    if (span.error) count.errors++;
    counts.set(span.service, count);
  }
  return [...counts.values()].sort((a, b) => b.spans - a.spans);
}

function treeWarnings(spans: readonly SpanNode[], roots: readonly SpanNode[]): string[] {
  const out: string[] = [];
  const plural = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;
  const orphans = spans.filter((s) => s.missingParent !== null).length;
  if (orphans > 0) out.push(`${plural(orphans, 'span names a parent that is', 'spans name parents that are')} not in the trace: not sent yet, dropped by sampling, or aged out.`);
  const clean = roots.filter((r) => r.missingParent === null).length;
  if (clean > 1) out.push(`The trace has ${clean} roots; its parts are shown one below the other.`);
  const skewed = spans.filter((s) => s.skewUs > 0).length;
  if (skewed > 0) out.push(`${plural(skewed, 'span starts', 'spans start')} before the parent: the clocks of their hosts disagree. Times are shown as sent.`);
  return out;
}
