/** Why a query may find nothing: the selectors in it, to ask for one by one. */

import type { Labels } from '../labels';

/** A selector as written, and the metric it names. */
export interface SelectorText {
  text: string;
  metric: string;
}

const WORDS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'offset', 'bool', 'and', 'or', 'unless', 'atan2', 'inf', 'nan', 'start', 'end', 'Inf', 'NaN']);

/** Selectors of a PromQL expression, in order, each once. Lists after `by (…)` and functions' names are none. */
export function selectorsOf(expr: string): SelectorText[] {
  const out = new Map<string, SelectorText>();
  const plain = expr.replace(/#[^\n]*/g, '').replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/gi, ' ');
  const pattern = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|([a-zA-Z_:][\w:]*)\s*(\{(?:[^}"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*\})?\s*(\()?|(\{(?:[^}"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*\})|\[[^\]]*\]|[\d.]+(?:e[+-]?\d+)?\w*/g;
  for (const match of plain.matchAll(pattern)) {
    const [, name, matchers, call, bare] = match;
    // After a word such as `unless` the braces stand alone.
    const alone = bare ?? (name && WORDS.has(name) ? matchers : undefined);
    if (alone) add(out, alone, /__name__\s*=\s*"([^"]+)"/.exec(alone)?.[1] ?? '');
    else if (name && !call && !WORDS.has(name)) add(out, name + (matchers ?? ''), name);
  }
  return [...out.values()];
}

function add(out: Map<string, SelectorText>, text: string, metric: string): void {
  out.set(text, { text: text.replace(/\s+/g, ' '), metric });
}

/** The first matcher of the selector that no series of the metric fulfils, and the values that there are. */
export function unmatched(selector: string, series: readonly Labels[]): { label: string; value: string; known: string[] } | undefined {
  for (const [, label = '', value = ''] of selector.matchAll(/([a-zA-Z_]\w*)\s*=(?!~)\s*"((?:[^"\\]|\\.)*)"/g)) {
    if (label === '__name__' || series.some((s) => (s[label] ?? '') === value)) continue;
    return { label, value, known: [...new Set(series.map((s) => s[label] ?? ''))].filter(Boolean).sort() };
  }
  return undefined;
}
