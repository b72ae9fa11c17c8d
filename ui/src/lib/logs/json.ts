/** JSON inside log lines: fields by Loki's names, a line for people, and pretty text. */

import type { Labels } from '../labels';

const MAX_FIELDS = 200;
const MAX_DEPTH = 8;
const MESSAGES = ['message', 'msg', 'event', 'log', 'body', 'error'];
/** What a row shows elsewhere: its time and its level. */
const SHOWN_ELSEWHERE = /^(time|ts|timestamp|@timestamp|level|severity|lvl|severity_text)$/i;

/** The object that a line is, or null. */
export function jsonOf(line: string): Record<string, unknown> | null {
  const text = line.trim();
  if (!text.startsWith('{') || !text.endsWith('}')) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** A key as Loki's json stage names it. */
export function labelName(key: string): string {
  const name = key.replace(/[^a-zA-Z0-9_]/g, '_');
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

/** Leaves under the names of Loki's json stage: `{"a":{"b":1}}` is `a_b="1"`. Arrays stay out, as they do there. */
export function flattenJson(object: Record<string, unknown>): Labels {
  const out: Labels = {};
  const walk = (value: unknown, name: string, depth: number): void => {
    if (Object.keys(out).length >= MAX_FIELDS || depth > MAX_DEPTH || value === null || value === undefined) return;
    if (Array.isArray(value)) return;
    if (typeof value !== 'object') {
      out[name] = String(value);
      return;
    }
    for (const [key, inner] of Object.entries(value)) walk(inner, name ? `${name}_${labelName(key)}` : labelName(key), depth + 1);
  };
  walk(object, '', 0);
  return out;
}

export interface Piece {
  kind: 'text' | 'key' | 'value' | 'string' | 'number';
  text: string;
}

/** Message first, the rest as `key=value`; null when the line is not JSON. Time, level and `skip` are left out. */
export function compactJson(line: string, skip: ReadonlySet<string> = new Set()): Piece[] | null {
  const object = jsonOf(line);
  if (!object) return null;
  const messageKey = MESSAGES.find((key) => typeof object[key] === 'string' && object[key] !== '');
  const pieces: Piece[] = messageKey ? [{ kind: 'text', text: String(object[messageKey]) }] : [];
  for (const [key, value] of Object.entries(object)) {
    if (key === messageKey || SHOWN_ELSEWHERE.test(key) || skip.has(key) || value === null || value === '') continue;
    pieces.push({ kind: 'key', text: ` ${key}=` }, { kind: 'value', text: typeof value === 'object' ? JSON.stringify(value) : String(value) });
  }
  return pieces.length > 0 ? pieces : null;
}

/** The line with its JSON laid out over several lines; other lines stay as they are. */
export function prettyJson(line: string): string {
  const object = jsonOf(line);
  return object ? JSON.stringify(object, null, 2) : line;
}

/** Pretty text in pieces that can be coloured; null when the line is not JSON. */
export function prettyPieces(line: string): Piece[] | null {
  const text = prettyJson(line);
  if (text === line && jsonOf(line) === null) return null;
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/g;
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(token)) {
    if (match.index > at) pieces.push({ kind: 'text', text: text.slice(at, match.index) });
    pieces.push({ kind: match[1] !== undefined ? 'key' : match[0].startsWith('"') ? 'string' : 'number', text: match[0] });
    at = match.index + match[0].length;
  }
  pieces.push({ kind: 'text', text: text.slice(at) });
  return pieces;
}
