/** Silences: how they read, what a form makes of them, and files of them. */

import type { PostableSilence, Silence } from '../api/alertmanager';
import { parseDuration } from './duration';
import { parseMatchers, printMatchers, saysSomething, type Matcher } from './matchers';

export type SilenceState = Silence['status']['state'];
export const SILENCE_STATES: readonly SilenceState[] = ['active', 'pending', 'expired'];

/** Lengths that one click chooses. */
export const SILENCE_LENGTHS: readonly string[] = ['30m', '1h', '2h', '4h', '8h', '1d', '3d', '1w'];

/** Active by their end, pending by their start, expired with the latest end first. */
export function sortSilences(all: readonly Silence[]): Silence[] {
  const time = (s: Silence): number => (s.status.state === 'pending' ? Date.parse(s.startsAt) : s.status.state === 'active' ? Date.parse(s.endsAt) : -Date.parse(s.endsAt));
  return [...all].sort((a, b) => SILENCE_STATES.indexOf(a.status.state) - SILENCE_STATES.indexOf(b.status.state) || time(a) - time(b));
}

export function countSilences(all: readonly Silence[]): Record<SilenceState, number> {
  const counts = { active: 0, pending: 0, expired: 0 };
  for (const s of all) counts[s.status.state]++;
  return counts;
}

/** Whether a text occurs in matchers, comment, author or id. */
export function silenceFits(silence: Silence, text: string): boolean {
  const needle = text.trim().toLowerCase();
  return !needle || [printMatchers(silence.matchers), silence.comment, silence.createdBy, silence.id].some((t) => t.toLowerCase().includes(needle));
}

/** What the form holds. */
export interface SilenceDraft {
  id?: string;
  matchers: string;
  startsMs: number;
  endsMs: number;
  createdBy: string;
  comment: string;
}

export const LENGTH_DEFAULT = '2h';

export function newDraft(matchers: string, nowMs: number, length: string, createdBy: string, comment = ''): SilenceDraft {
  return { matchers, startsMs: nowMs, endsMs: nowMs + (parseDuration(length) ?? parseDuration(LENGTH_DEFAULT) ?? 0), createdBy, comment };
}

/** A draft that changes a silence; an expired one becomes a new one of the same length from now. */
export function draftOf(silence: Silence, nowMs: number): SilenceDraft {
  const [starts, ends] = [Date.parse(silence.startsAt), Date.parse(silence.endsAt)];
  const base = { matchers: printMatchers(silence.matchers), createdBy: silence.createdBy, comment: silence.comment };
  if (silence.status.state !== 'expired') return { ...base, id: silence.id, startsMs: starts, endsMs: ends };
  return { ...base, startsMs: nowMs, endsMs: nowMs + Math.max(60_000, ends - starts) };
}

/** What keeps a draft from being sent, by field. */
export function draftProblems(draft: SilenceDraft, nowMs: number): Partial<Record<'matchers' | 'ends' | 'createdBy' | 'comment', string>> {
  const parsed = parseMatchers(draft.matchers);
  const out: ReturnType<typeof draftProblems> = {};
  if (!parsed.matchers) out.matchers = parsed.problem;
  else if (parsed.matchers.length === 0) out.matchers = 'name at least one label, such as alertname="x"';
  else if (!saysSomething(parsed.matchers)) out.matchers = 'at least one matcher must ask for a value: these match alerts without the label, which is nearly all';
  if (!Number.isFinite(draft.endsMs)) out.ends = 'when does it end?';
  else if (draft.endsMs <= draft.startsMs) out.ends = 'the end is not after the start';
  else if (draft.endsMs <= nowMs) out.ends = 'the end has passed';
  if (!draft.createdBy.trim()) out.createdBy = 'who silences?';
  if (!draft.comment.trim()) out.comment = 'say why, so that others know';
  return out;
}

export function toPostable(draft: SilenceDraft): PostableSilence {
  return {
    ...(draft.id ? { id: draft.id } : {}),
    matchers: parseMatchers(draft.matchers).matchers ?? [],
    startsAt: new Date(draft.startsMs).toISOString(),
    endsAt: new Date(draft.endsMs).toISOString(),
    createdBy: draft.createdBy.trim(),
    comment: draft.comment.trim(),
  };
}

/** What a file of silences holds: those to make, and how many it says have ended. */
export type Imported = { silences: PostableSilence[]; ended: number; problem?: undefined } | { problem: string };

/** Reads what this page or `amtool silence query -o json` wrote: a list of silences, or one. Ids are not kept. */
export function readSilences(text: string, nowMs: number): Imported {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    return { problem: `this is no JSON: ${cause instanceof Error ? cause.message : String(cause)}` };
  }
  const list: unknown[] = Array.isArray(content) ? content : [content];
  const silences: PostableSilence[] = [];
  let ended = 0;
  for (const [i, item] of list.entries()) {
    const read = readSilence(item);
    if (typeof read === 'string') return { problem: `silence ${i + 1}: ${read}` };
    if (Date.parse(read.endsAt) <= nowMs) ended++;
    else silences.push(read);
  }
  return { silences, ended };
}

function readSilence(item: unknown): PostableSilence | string {
  if (typeof item !== 'object' || item === null) return 'is no object';
  const { matchers, startsAt, endsAt, createdBy, comment } = item as Record<string, unknown>;
  if (!Array.isArray(matchers) || matchers.length === 0) return 'has no matchers';
  const read: Matcher[] = [];
  for (const m of matchers as Partial<Record<keyof Matcher, unknown>>[]) {
    if (typeof m?.name !== 'string' || typeof m.value !== 'string') return 'has a matcher without name or value';
    read.push({ name: m.name, value: m.value, isRegex: m.isRegex === true, isEqual: m.isEqual !== false });
  }
  if (typeof startsAt !== 'string' || Number.isNaN(Date.parse(startsAt))) return 'has no startsAt';
  if (typeof endsAt !== 'string' || Number.isNaN(Date.parse(endsAt))) return 'has no endsAt';
  return { matchers: read, startsAt, endsAt, createdBy: typeof createdBy === 'string' ? createdBy : '', comment: typeof comment === 'string' ? comment : '' };
}

/** Text of an `<input type="datetime-local">` in local time, and back. */
export function toLocalInput(ms: number): string {
  if (!Number.isFinite(ms)) return '';
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

export const fromLocalInput = (text: string): number => (text ? new Date(text).getTime() : NaN);
