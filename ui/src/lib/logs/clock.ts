/** The time of a line in the wanted notation. */

import { ago, formatDateTime, formatTimeMs } from '../time';
import type { Clock } from './state';

export const CLOCK_TITLES: Record<Clock, string> = { time: 'Time', datetime: 'Date and time', iso: 'ISO 8601, UTC', ago: 'Ago', ns: 'Nanoseconds' };

export function formatClock(clock: Clock, ns: string, ms: number, nowMs: number): string {
  if (clock === 'ns') return ns;
  if (clock === 'iso') return `${new Date(ms).toISOString().slice(0, 19)}.${ns.slice(-9)}Z`;
  if (clock === 'ago') return ago(ms, nowMs);
  return clock === 'time' ? formatTimeMs(ms) : `${formatDateTime(ms)}.${ns.slice(-9, -6)}`;
}
