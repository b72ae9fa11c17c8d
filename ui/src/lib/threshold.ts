/** The threshold of an alert's expression: where a comparison with a number decides. */

import { parser } from '@prometheus-io/lezer-promql';

export interface Threshold {
  /** The side that is compared. */
  expr: string;
  operator: '>' | '<' | '>=' | '<=' | '==' | '!=';
  value: number;
}

const MIRRORED = { '>': '<', '<': '>', '>=': '<=', '<=': '>=', '==': '==', '!=': '!=' } as const;
const COMPARISONS = new Map(Object.entries({ Gtr: '>', Lss: '<', Gte: '>=', Lte: '<=', Eql: '==', Neq: '!=' } as const));
type Node = ReturnType<typeof parser.parse>['topNode'];

/** The first comparison with a number, from the outside in; null when the expression has none. */
export function thresholdOf(expr: string): Threshold | null {
  return look(parser.parse(expr).topNode, expr);
}

function look(node: Node, text: string): Threshold | null {
  if (node.name === 'BinaryExpr') {
    const found = comparison(node, text);
    if (found) return found;
  }
  // What is compared inside a function or an aggregation is not what decides.
  if (['FunctionCall', 'AggregateExpr', 'SubqueryExpr'].includes(node.name)) return null;
  for (let child = node.firstChild; child; child = child.nextSibling) {
    const found = look(child, text);
    if (found) return found;
  }
  return null;
}

function comparison(node: Node, text: string): Threshold | null {
  const children: Node[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  const operator = children.map((c) => COMPARISONS.get(c.name)).find((o) => o !== undefined);
  const [left, right] = [children[0], children.at(-1)];
  if (!operator || !left || !right) return null;
  const [a, b] = [numberOf(text.slice(left.from, left.to)), numberOf(text.slice(right.from, right.to))];
  if (b !== null && a === null) return { expr: text.slice(left.from, left.to).trim(), operator, value: b };
  if (a !== null && b === null) return { expr: text.slice(right.from, right.to).trim(), operator: MIRRORED[operator], value: a };
  return null;
}

const SAFE = /^[\d\s.+\-*/()eE]+$/;

/** The value of a number or of arithmetic on numbers: `0.5`, `-1`, `(1 - 0.999) * 14.4`. */
function numberOf(text: string): number | null {
  if (!SAFE.test(text)) return null;
  const value = sum({ text: text.replace(/\s+/g, ''), at: 0 });
  return Number.isFinite(value) ? value : null;
}

interface Cursor {
  text: string;
  at: number;
}

function sum(c: Cursor): number {
  let value = product(c);
  for (let op = c.text[c.at]; op === '+' || op === '-'; op = c.text[c.at]) {
    c.at++;
    value += (op === '-' ? -1 : 1) * product(c);
  }
  return value;
}

function product(c: Cursor): number {
  let value = factor(c);
  for (let op = c.text[c.at]; op === '*' || op === '/'; op = c.text[c.at]) {
    c.at++;
    const next = factor(c);
    value = op === '*' ? value * next : value / next;
  }
  return value;
}

function factor(c: Cursor): number {
  if (c.text[c.at] === '-') return c.at++, -factor(c);
  if (c.text[c.at] === '+') return c.at++, factor(c);
  if (c.text[c.at] === '(') {
    c.at++;
    const value = sum(c);
    return c.text[c.at++] === ')' ? value : NaN;
  }
  const match = /^(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?/i.exec(c.text.slice(c.at));
  if (!match) return NaN;
  c.at += match[0].length;
  return Number(match[0]);
}
