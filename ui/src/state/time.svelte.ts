/** The time range that all of a page's queries share, and its refresh. */

import { parseDuration } from '../lib/duration';
import { absolute, describeRange, resolveRange, shiftRange, zoomOut, type Range, type RawRange } from '../lib/time';
import { router } from './router.svelte';

const DEFAULT: RawRange = { from: 'now-15m', to: 'now' };
const RECENT_KEY = 'skopos.ranges';
const RECENT_MAX = 5;

class TimeState {
  /** What the page shows when the URL says nothing. */
  private fallback = $state.raw({ ...DEFAULT, refresh: 'off' });
  /** The moment that `now` stands for; moves with each refresh. */
  now = $state(Date.now());

  raw: RawRange = $derived({ from: router.search.get('from') ?? this.fallback.from, to: router.search.get('to') ?? this.fallback.to });
  range: Range = $derived(resolveRange(this.raw, this.now) ?? { fromMs: this.now - 900_000, toMs: this.now });
  refresh: string = $derived(router.search.get('refresh') ?? this.fallback.refresh);
  refreshMs: number = $derived(this.refresh === 'off' ? 0 : (parseDuration(this.refresh) ?? 0));
  live: boolean = $derived(this.raw.to.startsWith('now'));
  text: string = $derived(describeRange(this.raw, this.now));

  /** A page or dashboard states its own range and refresh. */
  setDefaults(defaults: Partial<RawRange & { refresh: string }>): void {
    this.fallback = { ...DEFAULT, refresh: 'off', ...defaults };
  }

  set(raw: RawRange): void {
    this.now = Date.now();
    if (!resolveRange(raw, this.now)) return;
    this.remember(raw);
    router.patch({ from: raw.from, to: raw.to });
  }

  setAbsolute(range: Range): void {
    router.patch({ ...absolute(range) });
  }

  setRefresh(refresh: string): void {
    router.patch({ refresh: refresh === this.fallback.refresh ? null : refresh });
  }

  zoomOut(): void {
    const wider = zoomOut(this.range);
    this.setAbsolute({ fromMs: wider.fromMs, toMs: Math.min(wider.toMs, Date.now()) });
  }

  shift(direction: -1 | 1): void {
    this.setAbsolute(shiftRange(this.range, direction));
  }

  /** Asks everything that depends on the range again. */
  tick(): void {
    this.now = Date.now();
  }

  recent(): RawRange[] {
    try {
      const stored: unknown = JSON.parse(localStorage.getItem(RECENT_KEY) ?? '[]');
      return Array.isArray(stored) ? (stored as RawRange[]).filter((r) => typeof r.from === 'string' && typeof r.to === 'string') : [];
    } catch {
      return [];
    }
  }

  private remember(raw: RawRange): void {
    if (raw.to === 'now' && /^now-\d+[mhd]$/.test(raw.from)) return;
    const others = this.recent().filter((r) => r.from !== raw.from || r.to !== raw.to);
    localStorage.setItem(RECENT_KEY, JSON.stringify([raw, ...others].slice(0, RECENT_MAX)));
  }
}

export const time = new TimeState();
