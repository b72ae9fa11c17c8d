/** Where an alert leads. */

import { exactMatchers, printMatchers } from '../../lib/matchers';
import type { Labels } from '../../lib/labels';
import type { Range } from '../../lib/time';
import { decodeMetrics } from '../../lib/url';
import { router } from '../../state/router.svelte';

export const evidenceHref = (fingerprint: string): string => router.href(`/alerts/evidence/${encodeURIComponent(fingerprint)}`);

/** An expression in Explore, of metrics or of logs, over a range. */
export function expressionHref(expr: string, isLogs: boolean, range: Range): string {
  const window = { from: String(Math.round(range.fromMs)), to: String(Math.round(range.toMs)) };
  return isLogs ? router.href('/explore/logs', { query: expr, ...window }) : router.href('/explore/metrics', { q: [expr], ...window });
}

/** The silence form, filled in for what carries these labels. */
export const silenceHref = (labels: Labels): string => router.href('/alerts/silences/new', { filter: printMatchers(exactMatchers(labels)) });

export const activeHref = (labels: Labels): string => router.href('/alerts/active', { filter: printMatchers(exactMatchers(labels)) });

/** Where a rule's runbook is: an address, or a page of its pack named like `runbooks/x.md`; null when it is neither. */
export function runbookHref(runbook: string, ruleFile: string): { href: string; outside: boolean } | null {
  if (/^https?:|^\//.test(runbook)) return { href: runbook, outside: true };
  const file = /^runbooks\/([^/]+)$/.exec(runbook)?.[1];
  const pack = /([^/]+)\/[^/]+$/.exec(ruleFile)?.[1];
  return file && pack ? { href: router.href(`/alerts/runbooks/${encodeURIComponent(pack)}/${encodeURIComponent(file)}`), outside: false } : null;
}

/** The expression of a generator URL such as `/graph?g0.expr=…`; null when it names none. */
export function generatorExpr(url: string | undefined): string | null {
  if (!url) return null;
  try {
    return decodeMetrics(new URL(url, location.href).searchParams).queries.find((q) => q.expr)?.expr ?? null;
  } catch {
    return null;
  }
}
