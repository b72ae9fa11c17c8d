/** Log entries as the page lists them, from Loki's streams. */

import type { LokiStream, LokiValue } from '../../api/loki';
import type { Labels } from '../labels';
import { flattenJson, jsonOf } from './json';
import { toLevel, type Level } from './level';

export interface LogEntry {
  /** The same for the same entry in every answer. */
  id: string;
  /** Nanoseconds since the epoch. */
  ns: string;
  ms: number;
  line: string;
  stream: Labels;
  metadata: Labels;
  parsed: Labels;
  level: Level;
  traceId: string | null;
  spanId: string | null;
}

const LEVEL_NAMES = ['detected_level', 'level', 'severity', 'severity_text', 'lvl'];
const TRACE_NAMES = ['trace_id', 'traceid', 'traceID', 'traceId'];
const SPAN_NAMES = ['span_id', 'spanid', 'spanID', 'spanId'];

function hash(text: string, seed = 2166136261): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return h >>> 0;
}

const first = (names: readonly string[], sets: readonly Labels[]): string | undefined => {
  for (const set of sets) for (const name of names) if (set[name]) return set[name];
  return undefined;
};

const hexId = (text: string | undefined): string | null => (text && /^[0-9a-f]{8,32}$/i.test(text) && !/^0+$/.test(text) ? text.toLowerCase() : null);

function toEntry(stream: Labels, streamHash: number, [ns, line, kinds]: LokiValue): LogEntry {
  const [metadata, parsed] = [kinds?.structuredMetadata ?? {}, kinds?.parsed ?? {}];
  const sets = [metadata, parsed, stream];
  const known = first(LEVEL_NAMES, sets);
  const linked = first(TRACE_NAMES, sets);
  // Only a line that may say more is parsed.
  const inside = (!known || (!linked && /trace_?id/i.test(line))) && line.startsWith('{') ? flattenJson(jsonOf(line) ?? {}) : {};
  const all = [...sets, inside];
  return {
    id: `${ns}-${hash(line, streamHash).toString(36)}`, ns, ms: Number(ns.slice(0, -6)) || 0, line, stream, metadata, parsed,
    level: toLevel(known ?? first(LEVEL_NAMES, [inside])), traceId: hexId(first(TRACE_NAMES, all)), spanId: hexId(first(SPAN_NAMES, all)),
  };
}

/** All entries of an answer, in time order. Equal entries at the same nanosecond stay apart by a number. */
export function toEntries(streams: readonly LokiStream[], oldestFirst: boolean): LogEntry[] {
  const entries = streams.flatMap((s) => {
    const streamHash = hash(JSON.stringify(s.stream));
    return s.values.map((value) => toEntry(s.stream, streamHash, value));
  });
  const seen = new Map<string, number>();
  for (const entry of entries) {
    const n = seen.get(entry.id) ?? 0;
    seen.set(entry.id, n + 1);
    if (n > 0) entry.id = `${entry.id}-${n}`;
  }
  return sortEntries(entries, oldestFirst);
}

/** Nanosecond texts have one length until the year 2286, so text order is time order. */
const compareNs = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

export function sortEntries(entries: readonly LogEntry[], oldestFirst: boolean): LogEntry[] {
  const sign = oldestFirst ? 1 : -1;
  return [...entries].sort((a, b) => sign * compareNs(a.ns, b.ns));
}

/** Both lists in order, each entry once. */
export function mergeEntries(a: readonly LogEntry[], b: readonly LogEntry[], oldestFirst: boolean): LogEntry[] {
  const byId = new Map<string, LogEntry>();
  for (const entry of [...a, ...b]) if (!byId.has(entry.id)) byId.set(entry.id, entry);
  return sortEntries([...byId.values()], oldestFirst);
}

export const idsOf = (entries: readonly LogEntry[]): ReadonlySet<string> => new Set(entries.map((e) => e.id));

/** The nanosecond after. */
export function nextNs(ns: string): string {
  return (BigInt(ns) + 1n).toString();
}

/** What all streams share, and the names in which they differ. */
export function labelsOfAll(entries: readonly LogEntry[]): { common: Labels; differing: string[] } {
  const sets = [...new Set(entries.map((e) => e.stream))];
  const names = [...new Set(sets.flatMap((s) => Object.keys(s)))].sort();
  const common: Labels = {};
  const differing: string[] = [];
  for (const name of names) {
    const value = sets[0]?.[name];
    if (value !== undefined && sets.every((s) => s[name] === value)) common[name] = value;
    else differing.push(name);
  }
  return { common, differing };
}
