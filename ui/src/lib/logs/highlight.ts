/** Splits a text where line filters match it. */

import type { Term } from './logql';

export interface Segment {
  text: string;
  hit: boolean;
}

/** One expression for all terms, or null when there is none. Go's `(?i)` at the start becomes a flag; what JavaScript cannot read is left out. */
export function termsRegex(terms: readonly Term[]): RegExp | null {
  let flags = 'g';
  const sources = terms.flatMap((term) => {
    if (!term.regex) return [term.text.replace(/[\\^$*+?.()|[\]{}]/g, '\\$&')];
    const source = term.text.replace(/^\(\?i\)/, () => {
      flags = 'gi';
      return '';
    });
    try {
      new RegExp(source);
      return source ? [`(?:${source})`] : [];
    } catch {
      return [];
    }
  });
  return sources.length > 0 ? new RegExp(sources.join('|'), flags) : null;
}

const MAX_HITS = 200;

export function segments(text: string, regex: RegExp | null): Segment[] {
  if (!regex) return [{ text, hit: false }];
  const out: Segment[] = [];
  let at = 0;
  regex.lastIndex = 0;
  for (let n = 0; n < MAX_HITS; n++) {
    const match = regex.exec(text);
    if (!match) break;
    if (match[0] === '') {
      regex.lastIndex++;
      continue;
    }
    if (match.index > at) out.push({ text: text.slice(at, match.index), hit: false });
    out.push({ text: match[0], hit: true });
    at = match.index + match[0].length;
  }
  if (at < text.length || out.length === 0) out.push({ text: text.slice(at), hit: false });
  return out;
}
