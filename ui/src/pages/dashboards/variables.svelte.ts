/** A dashboard's variables: loaded in order of need, chosen by the URL. */

import * as loki from '../../api/loki';
import * as prometheus from '../../api/prometheus';
import { makeScope, type Scope } from '../../lib/dashboard/interpolate';
import { ALL, type Dashboard, type Source } from '../../lib/dashboard/model';
import { rangeBuiltins } from '../../lib/dashboard/builtins';
import { parseRegex, resolveVariables, toValue, type Resolved, type VariableQuery } from '../../lib/dashboard/variables';
import { formatSeries } from '../../lib/labels';
import type { Range } from '../../lib/time';
import { decodeDashboard } from '../../lib/url';
import { createQuery, type Query } from '../../state/query.svelte';
import { router } from '../../state/router.svelte';
import { time } from '../../state/time.svelte';

const fits = (pattern: string): ((name: string) => boolean) => {
  const regex = pattern ? parseRegex(pattern) : null;
  return (name) => regex?.test(name) ?? true;
};

async function askPrometheus(query: VariableQuery, range: Range, signal: AbortSignal): Promise<string[]> {
  switch (query.kind) {
    case 'label_values':
      return prometheus.labelValues(query.label, query.selector ? [query.selector] : [], range, signal);
    case 'label_names':
      return (await prometheus.labelNames([], range, signal)).filter(fits(query.pattern));
    case 'metrics':
      return (await prometheus.labelValues('__name__', [], range, signal)).filter(fits(query.pattern));
    case 'query_result':
      return (await prometheus.vector(query.expr, range.toMs, signal)).map((s) => `${formatSeries(s.metric)} ${s.value?.[1] ?? ''} ${Math.round((s.value?.[0] ?? 0) * 1000)}`);
    case 'series':
      return query.selector ? (await prometheus.series([query.selector], range, signal)).map(formatSeries) : [];
  }
}

async function askLoki(query: VariableQuery, range: Range, signal: AbortSignal): Promise<string[]> {
  if (query.kind === 'label_values') return loki.labelValues(query.label, range, query.selector || undefined, signal);
  return query.kind === 'label_names' ? loki.labelNames(range, signal) : [];
}

export class Variables {
  readonly query: Query<Resolved[]>;
  /** Values by name and what depends on the range; undefined until the first answer. */
  scope: Scope | undefined = $derived.by(() => {
    const resolved = this.query.data;
    return resolved ? makeScope(resolved.map((r) => toValue(r, time.range)), this.builtins) : undefined;
  });
  private title: () => string = () => '';
  private builtins: Record<string, string> = $derived({ ...rangeBuiltins(time.range), __dashboard: this.title(), __org: 'Skopos', __user: '' });

  constructor(dashboard: () => Dashboard | undefined) {
    this.title = () => dashboard()?.title ?? '';
    const wanted = $derived(JSON.stringify(decodeDashboard(router.search).vars));
    this.query = createQuery((signal) => {
      const board = dashboard();
      if (!board) return null;
      const chosen = JSON.parse(wanted) as Record<string, string[]>;
      const range = time.range;
      const ask = (source: Source, query: VariableQuery): Promise<string[]> => {
        if (source === 'prometheus') return askPrometheus(query, range, signal);
        if (source === 'loki') return askLoki(query, range, signal);
        return Promise.reject(new Error('Skopos asks Prometheus and Loki data sources only'));
      };
      return resolveVariables(board.variables, chosen, range, this.builtins, ask);
    });
  }

  /** Writes a choice into the URL; an empty one falls back to the dashboard's own. */
  choose(name: string, values: readonly string[]): void {
    router.patch({ [`var-${name}`]: values.includes(ALL) ? [ALL] : [...values] });
  }
}
