/** Keyboard shortcuts of the whole page. */

import { keyName, resolveKeys } from '../lib/shortcuts';
import { pageActions } from './actions.svelte';
import { router } from './router.svelte';
import { shell } from './shell.svelte';
import { theme } from './theme.svelte';
import { time } from './time.svelte';

const PREFIX_MS = 1200;

const ACTIONS: Record<string, () => void> = {
  'g h': () => router.go('/'),
  'g d': () => router.go('/dashboards'),
  'g m': () => router.go('/explore/metrics'),
  'g l': () => router.go('/explore/logs'),
  'g t': () => router.go('/explore/traces'),
  'g a': () => router.go('/alerts'),
  'g i': () => router.go('/alerts/incidents'),
  'g x': () => router.go('/alerts/silences'),
  'g p': () => router.go('/alerts/prove'),
  'g q': () => router.go('/dlq'),
  'g r': () => router.go('/targets'),
  'g s': () => router.go('/status'),
  'g c': () => router.go('/connect'),
  r: () => time.tick(),
  z: () => time.zoomOut(),
  '[': () => time.shift(-1),
  ']': () => time.shift(1),
  'ctrl+k': () => (shell.palette = !shell.palette),
  '/': () => document.querySelector<HTMLElement>('main [data-search], main .cm-content')?.focus(),
  y: () => theme.cycle(),
  '?': () => (shell.help = !shell.help),
};

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Enter belongs to a button or link that has the focus. */
function pressable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(BUTTON|A|SUMMARY)$/.test(target.tagName);
}

/** Starts listening; the answer stops it. */
export function listenToKeys(): () => void {
  let prefix = '';
  let timer = 0;
  const onKey = (event: KeyboardEvent): void => {
    const key = keyName(event);
    if (event.altKey || (typing(event.target) && key !== 'ctrl+k')) return;
    const next = resolveKeys(prefix, key);
    prefix = next.prefix;
    clearTimeout(timer);
    timer = window.setTimeout(() => (prefix = ''), PREFIX_MS);
    const plain = !event.ctrlKey && !event.metaKey && !(key === 'Enter' && pressable(event.target));
    const own = !next.match && !next.prefix && plain ? pageActions.byKey(key) : undefined;
    const action = next.match ? ACTIONS[next.match] : own?.run;
    if (!action || (own && (shell.palette || shell.help))) return;
    event.preventDefault();
    action();
  };
  addEventListener('keydown', onKey);
  return () => removeEventListener('keydown', onKey);
}
