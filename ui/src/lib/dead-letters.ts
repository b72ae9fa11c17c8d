/** Dead letters as the page needs them: the filter in the address, and words for counts and jobs. */

import type { Job, LetterDetail, LetterFilter, Queue, Reason } from '../api/dlq';

export const PAGE_SIZE = 50;

export const STATES = ['waiting', 'settled', 'all'] as const;

/** Ages that can be chosen, as the parameters that say them. */
export const AGES: readonly { text: string; since?: string; until?: string }[] = [
  { text: 'Any age' },
  { text: 'Last 15 minutes', since: '15m' },
  { text: 'Last hour', since: '1h' },
  { text: 'Last day', since: '1d' },
  { text: 'Older than an hour', until: '1h' },
  { text: 'Older than a day', until: '1d' },
];

/** The filter that the address names; what is not there is not asked for. */
export function filterOf(search: URLSearchParams): LetterFilter {
  const filter: LetterFilter = {};
  for (const name of ['topic', 'error_type', 'group', 'trace_id', 'text', 'since', 'until'] as const) {
    const value = search.get(name)?.trim();
    if (value) filter[name] = value;
  }
  const state = STATES.find((s) => s === search.get('state'));
  if (state && state !== 'waiting') filter.state = state;
  return filter;
}

/** Which of the ages a filter has; -1 where it is another one. */
export const ageOf = (filter: LetterFilter): number => AGES.findIndex((age) => age.since === filter.since && age.until === filter.until);

/** The filter in words: what a dialog asks about. */
export function describeFilter(filter: LetterFilter): string {
  const parts = [
    filter.topic && `of ${filter.topic}`,
    filter.error_type && `with the error ${filter.error_type}`,
    filter.group && `given up by ${filter.group}`,
    filter.trace_id && `of the trace ${filter.trace_id}`,
    filter.text && `that contain “${filter.text}”`,
    filter.since && `of the last ${filter.since}`,
    filter.until && `older than ${filter.until}`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : 'of all topics';
}

/** Reasons with their share of the most frequent one, for bars. */
export function reasonBars(reasons: readonly Reason[], most = 8): { reason: Reason; share: number }[] {
  const top = reasons[0]?.waiting ?? 0;
  return reasons.slice(0, most).map((reason) => ({ reason, share: top > 0 ? reason.waiting / top : 0 }));
}

export const waitingOf = (queues: readonly Queue[]): number => queues.reduce((sum, queue) => sum + queue.waiting, 0);

/** The event as people read it: JSON indented, text as it came. */
export function eventText(letter: LetterDetail): string {
  return typeof letter.original_event === 'string' ? letter.original_event : JSON.stringify(letter.original_event, null, 2);
}

/** How far a job is, from 0 to 1. */
export const jobShare = (job: Job): number => (job.total === 0 ? (job.state === 'running' ? 0 : 1) : (job.done + job.failed) / job.total);

/** A job in one sentence. */
export function jobText(job: Job): string {
  const verb = job.action === 'replay' ? 'replayed' : 'discarded';
  const failed = job.failed > 0 ? `, ${job.failed} failed and wait on` : '';
  if (job.error) return job.error;
  if (job.state === 'running') return `${job.done} of ${job.total} ${verb}${failed}`;
  const rest = job.total - job.done - job.failed;
  if (job.state === 'cancelled') return `${job.done} of ${job.total} ${verb}${failed}, then cancelled; ${rest} wait on`;
  if (job.total === 0) return 'no letter waited any more';
  return `${job.done} of ${job.total} ${verb}${failed}${job.may_be_more ? '; there may be more' : ''}`;
}

/** A pace as typed: empty is none, and undefined is no pace at all. */
export function readRate(text: string): number | null | undefined {
  if (text.trim() === '') return null;
  const rate = Number(text);
  return Number.isFinite(rate) && rate > 0 && rate <= 10_000 ? rate : undefined;
}
