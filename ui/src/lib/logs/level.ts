/** Severity of log lines: many spellings, seven levels. */

export const LEVELS = ['critical', 'error', 'warn', 'info', 'debug', 'trace', 'unknown'] as const;
export type Level = (typeof LEVELS)[number];

const SPELLINGS: Record<string, Level> = {
  critical: 'critical', crit: 'critical', fatal: 'critical', emerg: 'critical', emergency: 'critical', alert: 'critical', panic: 'critical',
  error: 'error', err: 'error', eror: 'error', severe: 'error', warn: 'warn', warning: 'warn', wrn: 'warn', info: 'info', information: 'info', informational: 'info',
  inf: 'info', notice: 'info', debug: 'debug', dbg: 'debug', trace: 'trace', trc: 'trace', verbose: 'trace',
};

/** The level that a text means; unknown when it means none. */
export function toLevel(text: string | undefined): Level {
  if (!text) return 'unknown';
  const key = text.trim().toLowerCase();
  // OpenTelemetry numbers its texts: INFO2, ERROR3.
  return SPELLINGS[key] ?? SPELLINGS[key.replace(/[2-4]$/, '')] ?? 'unknown';
}

/** The token of a level's colour. */
export function levelToken(level: Level): string {
  return { critical: '--level-critical', error: '--crit', warn: '--warn', info: '--ok', debug: '--info', trace: '--level-trace', unknown: '--level-unknown' }[level];
}
