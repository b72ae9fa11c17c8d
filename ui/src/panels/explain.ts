/** Asks why a panel is empty: which of its selectors match nothing, and whether the metric is there at all. */

import * as prometheus from '../api/prometheus';
import { selectorsOf } from '../lib/dashboard/explain';
import type { Plan } from '../lib/dashboard/plan';

const MAX_SELECTORS = 6;

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
      if (any.length > 0) return `No series matches ${text}: ${metric} exists with ${any.length} series, but not with these labels.`;
      return metric === text ? `The metric ${metric} does not exist in this range.` : `The metric ${metric} of ${text} does not exist in this range.`;
    }),
  );
  return [...new Set(told.filter(Boolean))];
}
