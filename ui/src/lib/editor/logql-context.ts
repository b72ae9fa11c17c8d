/** Where in a LogQL query the cursor stands, from the text before it. */

export type LogqlContext =
  /** A name inside a selector; `others` selects by what stands there already. */
  | { kind: 'label'; prefix: string; others: string }
  /** A value; outside a selector `others` is null. */
  | { kind: 'value'; label: string; prefix: string; others: string | null }
  /** A label outside a selector: after `by (`. */
  | { kind: 'name'; prefix: string }
  /** After `|` and a blank: a stage or a label to filter by. */
  | { kind: 'stage'; prefix: string }
  /** Directly after `|`: a line filter, or a stage. */
  | { kind: 'pipe'; prefix: string }
  | { kind: 'function'; prefix: string };

export function logqlContext(before: string): LogqlContext | null {
  const open = before.lastIndexOf('{');
  if (open >= 0 && !closed(before.slice(open + 1))) return insideSelector(before.slice(open + 1));
  const filter = /\|\s*([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*"([^"]*)$/.exec(before);
  if (filter) return { kind: 'value', label: filter[1] ?? '', prefix: filter[2] ?? '', others: null };
  if (inString(before)) return null;
  const grouping = /\b(?:by|without)\s*\((?:[^)]*,)?\s*([A-Za-z_]?\w*)$/.exec(before);
  if (grouping) return { kind: 'name', prefix: grouping[1] ?? '' };
  if (/\|$/.test(before)) return { kind: 'pipe', prefix: '' };
  const stage = /\|\s+([A-Za-z_]\w*|)$/.exec(before) ?? /\|([a-z_]+)$/.exec(before);
  if (stage) return { kind: 'stage', prefix: stage[1] ?? '' };
  const word = /(?:^|[\s(,+\-*/])([a-z_]*)$/.exec(before);
  return word ? { kind: 'function', prefix: word[1] ?? '' } : null;
}

/** Whether a selector's brace is closed; braces inside values do not count. */
function closed(text: string): boolean {
  return text.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, '').includes('}');
}

const MATCHER = /[A-Za-z_]\w*\s*(?:=~|!~|!=|=)\s*(?:"(?:[^"\\]|\\.)*"|`[^`]*`)/g;

function insideSelector(text: string): LogqlContext | null {
  const value = /([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*"([^"]*)$/.exec(text);
  const done = text.slice(0, value ? value.index : undefined).match(MATCHER) ?? [];
  const others = done.length > 0 ? `{${done.join(', ')}}` : '';
  if (value) return { kind: 'value', label: value[1] ?? '', prefix: value[2] ?? '', others };
  const name = /(?:^|,)\s*([A-Za-z_]?\w*)$/.exec(text);
  return name ? { kind: 'label', prefix: name[1] ?? '', others } : null;
}

function inString(before: string): boolean {
  const plain = before.replace(/`[^`]*`/g, '').replace(/\\./g, '');
  return plain.includes('`') || (plain.match(/"/g)?.length ?? 0) % 2 === 1;
}
