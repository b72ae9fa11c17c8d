/** Asks why a panel is empty: which of its selectors match nothing, and whether the metric is there at all. */

import * as prometheus from '../api/prometheus';
import { selectorsOf, unmatched } from '../lib/dashboard/explain';
import type { Plan } from '../lib/dashboard/plan';
import type { Labels } from '../lib/labels';

const MAX_SELECTORS = 6;
const MAX_VALUES = 4;

/** A sentence for each selector without series; empty when all have some. */
export async function explainEmpty(plan: Plan, signal: AbortSignal): Promise<string[]> {
  const exprs = plan.queries.filter((q) => q.source === 'prometheus').map((q) => q.expr);
  const selectors = [...new Map(exprs.flatMap(selectorsOf).map((s) => [s.text, s])).values()].slice(0, MAX_SELECTORS);
  const told = await Promise.all(
    selectors.map(async ({ text, metric }) => {
      const found = await prometheus.series([text], plan.range, signal);
      if (found.length > 0) return '';
      if (!metric) return `No series matches ${text}.`;
      const any = metric === text ? [] : await prometheus.series([metric], plan.range, signal);
      if (any.length > 0) return `No series matches ${text}: ${mismatch(metric, text, any)}`;
      return metric === text ? `The metric ${metric} does not exist in this range.` : `No series matches ${text}: the metric does not exist in this range.`;
    }),
  );
  return [...new Set(told.filter(Boolean))];
}

function mismatch(metric: string, selector: string, series: readonly Labels[]): string {
  const wrong = unmatched(selector, series);
  if (!wrong) return `${metric} exists with ${series.length} series, but not with these labels.`;
  const known = wrong.known.slice(0, MAX_VALUES).join(', ') + (wrong.known.length > MAX_VALUES ? ', …' : '');
  return known ? `${metric} has ${wrong.label} ${known}, not “${wrong.value}”.` : `${metric} has no label ${wrong.label}.`;
}
