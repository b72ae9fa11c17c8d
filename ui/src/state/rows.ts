/** Lists walked with the keyboard: the focus moves along what carries `data-row`; Enter is the row's own. */

import type { PageAction } from './actions.svelte';

/** The next or previous row gets the focus and comes into sight. */
export function walkRows(direction: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[at < 0 ? (direction > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + direction))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

/** What the row with the focus carries under `data-row`. */
export function currentRow(): string | undefined {
  return document.activeElement?.closest<HTMLElement>('[data-row]')?.dataset['row'];
}

export const ROW_ACTIONS: readonly PageAction[] = [
  { text: 'Next row', key: 'j', run: () => walkRows(1) },
  { text: 'Previous row', key: 'k', run: () => walkRows(-1) },
];
