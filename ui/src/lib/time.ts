/** Time ranges: relative and absolute texts, resolution to milliseconds, and how they read. */

import { parseDuration } from './duration';

/** A range as it stands in the URL: `now-1h`, `now/d`, epoch milliseconds or ISO 8601. */
export interface RawRange {
  from: string;
  to: string;
}

/** A resolved range. */
export interface Range {
  fromMs: number;
  toMs: number;
}

export const QUICK_RANGES: readonly RawRange[] = [
  '5m', '15m', '30m', '1h', '3h', '6h', '12h', '24h', '2d', '7d', '30d', '90d',
].map((span) => ({ from: `now-${span}`, to: 'now' }));

export const REFRESH_INTERVALS: readonly string[] = ['5s', '10s', '30s', '1m', '5m', '15m'];

/** Milliseconds of one end of a range. With `end`, rounding (`/d`) goes to the end of the unit. */
export function parseTimePoint(text: string, nowMs: number, end = false): number | null {
  const trimmed = text.trim();
  if (/^\d{10}(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
  if (/^\d{11,16}$/.test(trimmed)) return Number(trimmed);
  if (trimmed.startsWith('now')) return parseRelative(trimmed.slice(3), nowMs, end);
  if (!/^\d{4}-\d{2}-\d{2}/.test(trimmed)) return null;
  const parsed = Date.parse(trimmed.includes('T') || !trimmed.includes(' ') ? trimmed : trimmed.replace(' ', 'T'));
  return Number.isNaN(parsed) ? null : parsed;
}

function parseRelative(text: string, nowMs: number, end: boolean): number | null {
  const match = /^((?:[+-]\d+(?:ms|[smhdwMy]))*)(?:\/([smhdwMy]))?$/.exec(text);
  if (!match) return null;
  let at = nowMs;
  for (const part of (match[1] ?? '').matchAll(/([+-])(\w+)/g)) {
    const ms = parseDuration(part[2] ?? '');
    if (ms === null) return null;
    at += part[1] === '-' ? -ms : ms;
  }
  return match[2] ? roundTo(at, match[2], end) : at;
}

function roundTo(ms: number, unit: string, end: boolean): number {
  const date = new Date(ms);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  const [hour, minute, second] = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const up = end ? 1 : 0;
  const bounds: Record<string, () => number> = {
    s: () => new Date(year, month, day, hour, minute, second + up).getTime(),
    m: () => new Date(year, month, day, hour, minute + up).getTime(),
    h: () => new Date(year, month, day, hour + up).getTime(),
    d: () => new Date(year, month, day + up).getTime(),
    w: () => new Date(year, month, day - ((date.getDay() + 6) % 7) + 7 * up).getTime(),
    M: () => new Date(year, month + up, 1).getTime(),
    y: () => new Date(year + up, 0, 1).getTime(),
  };
  return (bounds[unit]?.() ?? ms) - up;
}

/** Both ends, or null when one cannot be read or the range is empty. */
export function resolveRange(raw: RawRange, nowMs: number): Range | null {
  const fromMs = parseTimePoint(raw.from, nowMs);
  const toMs = parseTimePoint(raw.to, nowMs, true);
  if (fromMs === null || toMs === null || fromMs >= toMs) return null;
  return { fromMs, toMs };
}

const WORDS: Record<string, string> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week', M: 'month', y: 'year' };

/** How a range reads in the top bar. */
export function describeRange(raw: RawRange, nowMs: number): string {
  const match = /^now-(\d+)([smhdwMy])$/.exec(raw.from);
  if (match && raw.to === 'now') {
    const n = Number(match[1]);
    return `Last ${n} ${WORDS[match[2] ?? ''] ?? ''}${n === 1 ? '' : 's'}`;
  }
  const range = resolveRange(raw, nowMs);
  if (!range || raw.from.startsWith('now') || raw.to.startsWith('now')) return `${raw.from} to ${raw.to}`;
  const sameDay = new Date(range.fromMs).toDateString() === new Date(range.toMs).toDateString();
  return `${formatDateTime(range.fromMs)} → ${sameDay ? formatTime(range.toMs) : formatDateTime(range.toMs)}`;
}

/** A range's description within a sentence: `in the last 15 minutes`. */
export function inRange(text: string): string {
  return text.startsWith('Last ') ? `in the ${text.toLowerCase().replace(/^last 1 /, 'last ')}` : `in ${text}`;
}

/** The same middle, twice the span. */
export function zoomOut(range: Range): Range {
  const half = (range.toMs - range.fromMs) / 2;
  return { fromMs: Math.round(range.fromMs - half), toMs: Math.round(range.toMs + half) };
}

/** Moved by half its span. */
export function shiftRange(range: Range, direction: -1 | 1): Range {
  const half = Math.round((range.toMs - range.fromMs) / 2) * direction;
  return { fromMs: range.fromMs + half, toMs: range.toMs + half };
}

export function absolute(range: Range): RawRange {
  return { from: String(Math.round(range.fromMs)), to: String(Math.round(range.toMs)) };
}

const pad = (n: number, width = 2): string => String(n).padStart(width, '0');

export function formatDate(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
}

export function formatTime(ms: number): string {
  const d = new Date(ms);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

export function formatDateTime(ms: number): string {
  return `${formatDate(ms)} ${formatTime(ms)}`;
}

export function formatTimeMs(ms: number): string {
  return `${formatTime(ms)}.${pad(Math.floor(((ms % 1000) + 1000) % 1000), 3)}`;
}

/** `just now`, `12 s ago`, `3 min ago`, `2 h ago`, `5 d ago`. */
export function ago(ms: number, nowMs: number): string {
  const seconds = Math.round((nowMs - ms) / 1000);
  if (seconds < 0) return formatDateTime(ms);
  if (seconds < 2) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
