/** Alertmanager's matchers: `alertname="x", severity=~"a|b"`, with names old and UTF-8. */

import type { Labels } from './labels';

export interface Matcher {
  name: string;
  value: string;
  isRegex: boolean;
  /** Absent in answers of old servers, where it means true. */
  isEqual?: boolean;
}

export type Operator = '=' | '!=' | '=~' | '!~';

/** What a text says, or what is wrong with it and where. */
export type ParsedMatchers = { matchers: Matcher[]; problem?: undefined } | { matchers?: undefined; problem: string };

const PLAIN_NAME = /^[a-zA-Z_:][\w:]*$/;

export function operatorOf(matcher: Matcher): Operator {
  const equal = matcher.isEqual !== false;
  return matcher.isRegex ? (equal ? '=~' : '!~') : equal ? '=' : '!=';
}

export function printMatcher(matcher: Matcher): string {
  const name = PLAIN_NAME.test(matcher.name) ? matcher.name : JSON.stringify(matcher.name);
  return `${name}${operatorOf(matcher)}${JSON.stringify(matcher.value)}`;
}

export const printMatchers = (matchers: readonly Matcher[]): string => matchers.map(printMatcher).join(', ');

/** Equality on each label: what this alert alone, or one just like it, would match. */
export function exactMatchers(labels: Labels): Matcher[] {
  return Object.keys(labels).sort().map((name) => ({ name, value: labels[name] ?? '', isRegex: false, isEqual: true }));
}

/** Reads a list of matchers; braces around it and a comma after it may be there. */
export function parseMatchers(text: string): ParsedMatchers {
  const reader = new Reader(text);
  try {
    return { matchers: reader.list() };
  } catch (cause) {
    if (cause instanceof Problem) return { problem: cause.message };
    throw cause;
  }
}

class Problem extends Error {}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  list(): Matcher[] {
    const out: Matcher[] = [];
    const braced = this.take(/\{/y) !== null;
    while (!this.over(braced)) {
      out.push(this.matcher());
      if (this.take(/,/y) === null && !this.over(braced)) throw this.wrong('a comma between matchers');
    }
    if (braced && this.take(/\}/y) === null) throw this.wrong('a closing brace');
    if (this.rest() !== '') throw this.wrong('the end');
    return out;
  }

  private matcher(): Matcher {
    const name = this.quoted() ?? this.take(/[^\s{}!=~,"'`\\]+/y);
    if (!name) throw this.wrong('a label name');
    const operator = this.take(/=~|!~|!=|=/y);
    if (!operator) throw this.wrong(`=, !=, =~ or !~ after ${name}`);
    const value = this.quoted() ?? this.take(/[^\s{},"'`]+/y) ?? this.none(name, operator);
    const matcher = { name, value, isRegex: operator.endsWith('~'), isEqual: operator.startsWith('=') };
    if (matcher.isRegex && !regexOf(value)) throw new Problem(`${JSON.stringify(value)} is no regular expression`);
    return matcher;
  }

  private none(name: string, operator: string): never {
    throw this.wrong(`a value after ${name}${operator}, such as ${name}${operator}"x"`);
  }

  private quoted(): string | null {
    const raw = this.take(/"(?:[^"\\]|\\.)*"/y);
    if (raw === null) {
      if (this.rest().startsWith('"')) throw this.wrong('a closing quote');
      return null;
    }
    return raw.slice(1, -1).replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : c === '"' || c === '\\' ? c : `\\${c}`));
  }

  private rest(): string {
    return this.text.slice(this.at).trimStart();
  }

  private over(braced: boolean): boolean {
    const rest = this.rest();
    return rest === '' || (braced && rest.startsWith('}'));
  }

  private take(pattern: RegExp): string | null {
    this.at = this.text.length - this.rest().length;
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (!match) return null;
    this.at += match[0].length;
    return match[0];
  }

  private wrong(wanted: string): Problem {
    const rest = this.rest();
    return new Problem(`expected ${wanted}${rest ? `, found “${rest.slice(0, 16)}”` : ''}`);
  }
}

/** An anchored expression; leading flags such as `(?i)` are kept. Null when it cannot be read. */
export function regexOf(value: string): RegExp | null {
  const flags = /^\(\?([ims]+)\)/.exec(value);
  try {
    return new RegExp(`^(?:${flags ? value.slice(flags[0].length) : value})$`, `u${flags?.[1] ?? ''}`);
  } catch {
    try {
      return new RegExp(`^(?:${value})$`);
    } catch {
      return null;
    }
  }
}

export type Test = (labels: Labels) => boolean;

/** One function for all matchers, expressions compiled once; a missing label is the empty text. */
export function compileMatchers(matchers: readonly Matcher[]): Test {
  const tests = matchers.map((m): Test => {
    const equal = m.isEqual !== false;
    if (!m.isRegex) return (labels) => ((labels[m.name] ?? '') === m.value) === equal;
    const regex = regexOf(m.value);
    return (labels) => (regex?.test(labels[m.name] ?? '') ?? false) === equal;
  });
  return (labels) => tests.every((test) => test(labels));
}

/** Whether at least one matcher asks for something that is there: without it a silence would match everything. */
export function saysSomething(matchers: readonly Matcher[]): boolean {
  return matchers.some((m) => m.isEqual !== false && !compileMatchers([m])({}));
}

/** The text with an equality added, unless it is there. */
export function withEquality(text: string, name: string, value: string): string {
  const added: Matcher = { name, value, isRegex: false, isEqual: true };
  const parsed = parseMatchers(text);
  if (!parsed.matchers) return printMatcher(added);
  if (parsed.matchers.some((m) => printMatcher(m) === printMatcher(added))) return printMatchers(parsed.matchers);
  return printMatchers([...parsed.matchers, added]);
}

/** Labels written as equalities, `a="b", c="d"`; any other operator is a problem. */
export function labelsOfText(text: string): { labels: Labels; problem?: undefined } | { labels?: undefined; problem: string } {
  const parsed = parseMatchers(text);
  if (!parsed.matchers) return { problem: parsed.problem };
  const other = parsed.matchers.find((m) => operatorOf(m) !== '=');
  if (other) return { problem: `labels have values: write ${other.name}="x" in place of ${printMatcher(other)}` };
  return { labels: Object.fromEntries(parsed.matchers.map((m) => [m.name, m.value])) };
}
