/** Lines as files. */

import { toCsv } from '../csv';
import type { LogEntry } from './entries';
import { fieldValue } from './fields';

/** Time, level, the chosen columns or else all stream labels, and the line. */
export function entriesToCsv(entries: readonly LogEntry[], columns: readonly string[]): string {
  const names = columns.length > 0 ? [...columns] : [...new Set(entries.flatMap((e) => Object.keys(e.stream)))].sort();
  const rows = entries.map((e) => [new Date(e.ms).toISOString(), e.level, ...names.map((n) => fieldValue(e, n)), e.line]);
  return toCsv([['time', 'level', ...names, 'line'], ...rows]);
}

/** One object a line, nothing left out. */
export function entriesToJsonLines(entries: readonly LogEntry[]): string {
  return entries
    .map((e) => JSON.stringify({ timestamp: e.ns, level: e.level, line: e.line, stream: e.stream, structuredMetadata: e.metadata, parsed: e.parsed }))
    .join('\n');
}
