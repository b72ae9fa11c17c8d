/** What a LogQL query says and how to change it, by its syntax tree. */

import type { SyntaxNode } from '@lezer/common';
import { parser } from '@grafana/lezer-logql';
import { quoteValue, type Labels } from '../labels';
import type { Field } from './fields';

interface Found {
  name: string;
  from: number;
  to: number;
  node: SyntaxNode;
}

function nodes(query: string, names: readonly string[]): Found[] {
  const found: Found[] = [];
  parser.parse(query).iterate({
    enter: (ref) => {
      if (names.includes(ref.name)) found.push({ name: ref.name, from: ref.from, to: ref.to, node: ref.node });
    },
  });
  return found;
}

/** Whether the answer will be numbers instead of lines. */
export function isMetricQuery(query: string): boolean {
  return nodes(query, ['MetricExpr']).length > 0;
}

/** The first stream selector, braces included. */
export function selectorOf(query: string): string | null {
  const [first] = nodes(query, ['Selector']);
  return first ? query.slice(first.from, first.to) : null;
}

/** A quoted text of the query without quotes and escapes. */
export function unquote(text: string): string {
  if (text.startsWith('`')) return text.slice(1, -1);
  try {
    return String(JSON.parse(text));
  } catch {
    return text.slice(1, -1);
  }
}

export interface Term {
  text: string;
  regex: boolean;
}

/** What the line filters look for: `|=` texts and `|~` expressions. */
export function lineTerms(query: string): Term[] {
  return nodes(query, ['LineFilter']).flatMap(({ node }) => {
    const filter = node.getChild('Filter');
    const text = node.getChild('String');
    const operator = filter ? query.slice(filter.from, filter.to) : '';
    if (!text || (operator !== '|=' && operator !== '|~')) return [];
    const value = unquote(query.slice(text.from, text.to));
    return value ? [{ text: value, regex: operator === '|~' }] : [];
  });
}

const splice = (text: string, from: number, to: number, insert: string): string => text.slice(0, from) + insert + text.slice(to);

/** The query with a matcher in its first selector; for `=` one of the same name with `=` or `=~`, which the value fits, gives way. */
export function addMatcher(query: string, name: string, value: string, operator: '=' | '!='): string {
  const [selector] = nodes(query, ['Selector']);
  const matcher = `${name}${operator}${quoteValue(value)}`;
  if (!selector) return `{${matcher}} ${query}`.trim();
  const inside = nodes(query, ['Matcher']).filter((m) => m.from >= selector.from && m.to <= selector.to);
  if (inside.some((m) => query.slice(m.from, m.to).replace(/\s/g, '') === matcher.replace(/\s/g, ''))) return query;
  const same = inside.find((m) => /^(\w+)\s*=/.exec(query.slice(m.from, m.to))?.[1] === name);
  if (same && operator === '=') return splice(query, same.from, same.to, matcher);
  const last = inside[inside.length - 1];
  return last ? splice(query, last.to, last.to, `, ${matcher}`) : splice(query, selector.from, selector.to, `{${matcher}}`);
}

/** Another first selector, the stages as they are. */
export function replaceSelector(query: string, selector: string): string {
  const [first] = nodes(query, ['Selector']);
  return first ? splice(query, first.from, first.to, selector) : `${selector} ${query}`.trim();
}

/** A stage at the end of a log query. */
export function appendStage(query: string, stage: string): string {
  const trimmed = query.trimEnd();
  return trimmed.endsWith(stage) ? trimmed : `${trimmed} ${stage}`;
}

/** The query that keeps only, or leaves out, entries with this field's value. */
export function filterByField(query: string, field: Field, operator: '=' | '!=', taken: readonly string[] = []): string {
  if (field.kind === 'label') return addMatcher(query, field.name, field.value, operator);
  if (field.kind !== 'json') return appendStage(query, `| ${field.name}${operator}${quoteValue(field.value)}`);
  const parses = nodes(query, ['Json']).length > 0;
  // The json stage renames a field whose name a label has already.
  const name = taken.includes(field.name) ? `${field.name}_extracted` : field.name;
  return appendStage(parses ? query : appendStage(query, '| json'), `| ${name}${operator}${quoteValue(field.value)}`);
}

/** `{a="b"}` of a stream: exactly its entries. */
export function streamSelector(labels: Labels): string {
  return `{${Object.keys(labels).sort().map((name) => `${name}=${quoteValue(labels[name] ?? '')}`).join(', ')}}`;
}

/** The number of lines a step, by level. */
export function volumeQuery(query: string, step: string): string {
  return `sum by (detected_level) (count_over_time(${query.trim()} [${step}]))`;
}

export interface Position {
  line: number;
  column: number;
}

/** Where the server says that the query is wrong; both count from one. */
export function errorPosition(message: string): Position | null {
  const match = /at line (\d+), col(?:umn)? (\d+)/.exec(message);
  return match ? { line: Number(match[1]), column: Number(match[2]) } : null;
}
