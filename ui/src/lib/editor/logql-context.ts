/** Where in a LogQL query the cursor stands, from the text before it. */

export type LogqlContext =
  | { kind: 'label' | 'stage' | 'function'; prefix: string }
  | { kind: 'value'; label: string; prefix: string };

export function logqlContext(before: string): LogqlContext | null {
  const open = before.lastIndexOf('{');
  if (open > before.lastIndexOf('}')) return insideSelector(before.slice(open + 1));
  const stage = /\|\s+([a-z_]*)$/.exec(before) ?? /\|([a-z_]+)$/.exec(before);
  if (stage) return { kind: 'stage', prefix: stage[1] ?? '' };
  if (inString(before)) return null;
  const word = /(?:^|[\s(,+\-*/])([a-z_]*)$/.exec(before);
  return word ? { kind: 'function', prefix: word[1] ?? '' } : null;
}

function insideSelector(text: string): LogqlContext | null {
  const value = /([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*"([^"]*)$/.exec(text);
  if (value) return { kind: 'value', label: value[1] ?? '', prefix: value[2] ?? '' };
  const name = /(?:^|,)\s*([A-Za-z_]?\w*)$/.exec(text);
  return name ? { kind: 'label', prefix: name[1] ?? '' } : null;
}

function inString(before: string): boolean {
  return (before.replace(/\\./g, '').match(/"/g)?.length ?? 0) % 2 === 1;
}
