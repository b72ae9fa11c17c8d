/** Series of states: equal neighbours become one stretch. */

import { paletteColor } from '../color';
import { extentOf, fieldName, show, shownText } from './display';
import { num, text } from './json';
import type { Frame, Panel, Settings } from './model';

export interface Stretch {
  fromMs: number;
  toMs: number;
  text: string;
  color: string;
}

export interface StateRow {
  name: string;
  stretches: Stretch[];
}

/** With `merge` (state timeline) equal neighbours join; without (status history) each point stands alone. */
export function toStates(frames: readonly Frame[], panel: Panel, merge: boolean, endMs: number): StateRow[] {
  const seen = new Map<string, string>();
  return frames.flatMap((frame) => {
    const times = (frame.fields.find((f) => f.type === 'time')?.values ?? []).map(Number);
    const step = times.length > 1 ? (times[1] ?? 0) - (times[0] ?? 0) : 60_000;
    return frame.fields.filter((f) => f.type !== 'time').map((field): StateRow => {
      const settings = field.settings as Settings;
      const extent = extentOf([field], settings);
      const stretches: Stretch[] = [];
      times.forEach((t, i) => {
        const value = field.values[i];
        if (value === null || value === undefined) return;
        const shown = show(value, settings, extent);
        const label = shownText(shown);
        if (!seen.has(label)) seen.set(label, paletteColor(seen.size));
        const color = shown.color ?? seen.get(label) ?? paletteColor(0);
        const last = stretches[stretches.length - 1];
        const toMs = Math.min(endMs, t + step);
        if (merge && last && last.text === label && last.color === color && t - last.toMs < step * 0.5) last.toMs = toMs;
        else stretches.push({ fromMs: t, toMs, text: label, color });
      });
      return { name: fieldName(field, frame), stretches };
    });
  }).slice(0, num(panel.options['maxRows']) ?? 80);
}

export const showValues = (panel: Panel): boolean => text(panel.options['showValue']) !== 'never';
