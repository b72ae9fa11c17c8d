/** What a panel asks: one request for each of its queries, with variables and steps filled in. */

import { parseDuration } from '../duration';
import type { Range } from '../time';
import { queryStep, rangeBuiltins, stepBuiltins } from './builtins';
import { sourceName, targetSource } from './datasource';
import { interpolate, type Scope } from './interpolate';
import type { Panel, Target, VariableDef } from './model';

export interface PlannedQuery {
  target: Target;
  source: 'prometheus' | 'loki';
  expr: string;
  instant: boolean;
  stepSeconds: number;
  limit: number;
}

export interface Plan {
  range: Range;
  queries: PlannedQuery[];
  /** Data sources that Skopos does not speak. */
  foreign: string[];
}

const DEFAULT_LINES = 500;
const MAX_POINTS = 2000;

/** The page's range, or the panel's own: `timeFrom` is the last so long, `timeShift` moves it back. */
export function panelRange(panel: Panel, scope: Scope, range: Range): Range {
  const from = parseDuration(interpolate(panel.timeFrom ?? '', scope, 'text').replace(/^now-/, ''));
  const shift = parseDuration(interpolate(panel.timeShift ?? '', scope, 'text')) ?? 0;
  const base = from ? { fromMs: range.toMs - from, toMs: range.toMs } : range;
  return { fromMs: base.fromMs - shift, toMs: base.toMs - shift };
}

export function planQueries(panel: Panel, scope: Scope, pageRange: Range, width: number, variables: readonly VariableDef[]): Plan {
  const range = panelRange(panel, scope, pageRange);
  const fallback = panel.type === 'logs' ? 'loki' : 'prometheus';
  const foreign = new Set<string>();
  const queries = panel.targets.flatMap((target): PlannedQuery[] => {
    if (target.hide) return [];
    const source = targetSource(target.datasource, panel.datasource, variables, fallback);
    if (source !== 'prometheus' && source !== 'loki') {
      foreign.add(sourceName(target.datasource ?? panel.datasource));
      return [];
    }
    return target.expr.trim() ? [planOne(panel, target, source, scope, range, width)] : [];
  });
  return { range, queries, foreign: [...foreign] };
}

function planOne(panel: Panel, target: Target, source: PlannedQuery['source'], scope: Scope, range: Range, width: number): PlannedQuery {
  const min = (text: string | undefined): string | undefined => (text ? interpolate(text, scope, 'text') : undefined);
  const points = Math.min(MAX_POINTS, Math.max(20, panel.maxDataPoints ?? width));
  const step = queryStep({ range, maxDataPoints: points, panelMin: min(panel.interval), queryMin: min(target.interval), factor: target.intervalFactor });
  const filled: Scope = { vars: scope.vars, builtins: { ...scope.builtins, ...rangeBuiltins(range), ...stepBuiltins(step) } };
  return { target, source, expr: interpolate(target.expr, filled, 'query').trim(), instant: target.instant, stepSeconds: step.stepMs / 1000, limit: target.maxLines ?? DEFAULT_LINES };
}

/** A link to Explore that asks what the panel asks. */
export function exploreParams(plan: Plan): { path: string; params: Record<string, string | string[]> } | undefined {
  const metrics = plan.queries.filter((q) => q.source === 'prometheus').map((q) => q.expr);
  if (metrics.length > 0) return { path: '/explore/metrics', params: { q: [...new Set(metrics)] } };
  const first = plan.queries[0];
  return first ? { path: '/explore/logs', params: { query: first.expr } } : undefined;
}
