/** Which keys do what: one table for the handler and for the help sheet. */

export interface Shortcut {
  keys: string;
  what: string;
  group: 'Go to' | 'Time' | 'Everywhere';
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: 'g h', what: 'Home', group: 'Go to' },
  { keys: 'g d', what: 'Dashboards', group: 'Go to' },
  { keys: 'g m', what: 'Explore metrics', group: 'Go to' },
  { keys: 'g l', what: 'Explore logs', group: 'Go to' },
  { keys: 'g t', what: 'Explore traces', group: 'Go to' },
  { keys: 'g a', what: 'Alerts', group: 'Go to' },
  { keys: 'g i', what: 'Incidents', group: 'Go to' },
  { keys: 'g x', what: 'Silences', group: 'Go to' },
  { keys: 'g p', what: 'Prove', group: 'Go to' },
  { keys: 'g q', what: 'Dead letters', group: 'Go to' },
  { keys: 'g r', what: 'Targets', group: 'Go to' },
  { keys: 'g s', what: 'Status', group: 'Go to' },
  { keys: 'g c', what: 'Connect', group: 'Go to' },
  { keys: 'r', what: 'Refresh now', group: 'Time' },
  { keys: 'z', what: 'Zoom out', group: 'Time' },
  { keys: '[', what: 'Half a range earlier', group: 'Time' },
  { keys: ']', what: 'Half a range later', group: 'Time' },
  { keys: 'ctrl+k', what: 'Command palette', group: 'Everywhere' },
  { keys: '/', what: 'Search or query field of the page', group: 'Everywhere' },
  { keys: 'y', what: 'Dark or light', group: 'Everywhere' },
  { keys: '?', what: 'This help', group: 'Everywhere' },
];

/** The name of a pressed key as the table writes it. */
export function keyName(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey'>): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.ctrlKey || event.metaKey ? `ctrl+${key}` : key;
}

/** One or two keys to a shortcut: `{ match }`, or `{ prefix }` to remember for the next key. */
export function resolveKeys(prefix: string, key: string): { match?: string; prefix: string } {
  const sequence = prefix ? `${prefix} ${key}` : key;
  if (SHORTCUTS.some((s) => s.keys === sequence)) return { match: sequence, prefix: '' };
  if (SHORTCUTS.some((s) => s.keys.startsWith(`${sequence} `))) return { prefix: sequence };
  return prefix ? resolveKeys('', key) : { prefix: '' };
}
