/** Runs a search of the form: one service, or all of them side by side. */

import * as jaeger from '../../api/jaeger';
import { parseDuration } from '../../lib/duration';
import { parseTags, type TracesState } from '../../lib/traces/state';
import { summarize, type TraceSummary } from '../../lib/traces/summary';
import type { Range } from '../../lib/time';

/** Skopos traces itself; its many small traces would hide those of everything else. */
export const OWN_SERVICE = 'skopos';
/** More services are not searched at once. */
const MAX_SERVICES = 24;

export interface SearchResult {
  rows: TraceSummary[];
  /** Services that a search over all left out. */
  skipped: number;
  /** Whether there may be more than the limit let through. */
  full: boolean;
}

/** Durations as Go reads them: `1.5s` stays, `2` becomes `2s`. */
const goDuration = (text: string): string | undefined => {
  const ms = parseDuration(text);
  return ms === null ? undefined : `${Math.round(ms * 1000)}us`;
};

export async function searchTraces(state: TracesState, range: Range, services: readonly string[], signal: AbortSignal): Promise<SearchResult> {
  const others = services.filter((s) => s !== OWN_SERVICE);
  const all = others.length > 0 ? others : services;
  const asked = state.service ? [state.service] : all.slice(0, MAX_SERVICES);
  const tags = { ...parseTags(state.tags), ...(state.errors ? { error: 'true' } : {}) };
  const [minDuration, maxDuration] = [goDuration(state.minDuration), goDuration(state.maxDuration)];
  const answers = await Promise.all(
    asked.map((service) =>
      jaeger.search({
        service, tags, limit: state.limit, ...range, ...(state.operation && state.service ? { operation: state.operation } : {}),
        ...(minDuration ? { minDuration } : {}), ...(maxDuration ? { maxDuration } : {}),
      }, signal),
    ),
  );
  const byId = new Map(answers.flat().map((t) => [t.traceID, t]));
  const rows = summarize([...byId.values()]).sort((a, b) => b.startMs - a.startMs).slice(0, state.limit);
  return { rows, skipped: state.service ? 0 : all.length - asked.length, full: answers.some((a) => a.length >= state.limit) };
}
