/** How grave a log line is: from its labels, else from its text. */

import type { Labels } from '../lib/labels';

export type Level = 'error' | 'warn' | 'info' | 'debug' | 'unknown';

const PATTERNS: [Level, RegExp][] = [
  ['error', /^(err|error|crit|critical|fatal|panic|alert|emerg|emergency|severe)$/i],
  ['warn', /^(warn|warning)$/i],
  ['info', /^(info|information|notice)$/i],
  ['debug', /^(debug|dbug|trace|verbose)$/i],
];

export function levelOf(labels: Labels, text: string): Level {
  const word = labels['detected_level'] ?? labels['level'] ?? labels['severity'] ?? labels['severity_text'] ?? /\b(?:level|lvl|severity)"?\s*[=:]\s*"?(\w+)/i.exec(text.slice(0, 400))?.[1] ?? /\b(ERROR|FATAL|WARN(?:ING)?|INFO|DEBUG|TRACE)\b/.exec(text.slice(0, 80))?.[1] ?? '';
  return PATTERNS.find(([, pattern]) => pattern.test(word))?.[0] ?? 'unknown';
}
