/** The time axis of a trace: windows, ticks, positions. All in microseconds after the trace's start. */

import { formatDuration } from '../duration';
import { roundInterval } from '../interval';

export interface Span1d {
  fromUs: number;
  toUs: number;
}

export const formatUs = (us: number): string => formatDuration(us / 1000);

/** Round times within the window, about `wanted` of them. */
export function ticks(window: Span1d, wanted: number): number[] {
  const span = window.toUs - window.fromUs;
  if (span <= 0) return [window.fromUs];
  const raw = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, ([1, 2, 5, 10].find((n) => n * power >= raw) ?? 10) * power);
  const out: number[] = [];
  for (let t = Math.ceil(window.fromUs / step) * step; t <= window.toUs + 1e-6; t += step) out.push(t);
  return out;
}

/** Round times of day within the range, in seconds since the epoch. */
export function clockTicks(fromMs: number, toMs: number, wanted: number): number[] {
  const step = roundInterval((toMs - fromMs) / Math.max(1, wanted));
  const zone = new Date(fromMs).getTimezoneOffset() * 60_000;
  const out: number[] = [];
  for (let ms = Math.ceil((fromMs - zone) / step) * step + zone; ms <= toMs; ms += step) out.push(ms / 1000);
  return out;
}

/** Percent of the window's width. */
export function position(window: Span1d, us: number): number {
  const span = window.toUs - window.fromUs;
  return span > 0 ? ((us - window.fromUs) / span) * 100 : 0;
}

export interface Bar {
  left: number;
  width: number;
}

/** Left and width of a stretch in percent, cut to the window; null outside of it. */
export function bar(window: Span1d, fromUs: number, toUs: number): Bar | null {
  if (toUs < window.fromUs || fromUs > window.toUs) return null;
  const [left, right] = [Math.max(0, position(window, fromUs)), Math.min(100, position(window, toUs))];
  return { left, width: Math.max(0, right - left) };
}

/** What a drag from one share of the window to another chooses; null when it is a mere click. */
export function dragWindow(window: Span1d, a: number, b: number): Span1d | null {
  const [low, high] = [Math.max(0, Math.min(a, b)), Math.min(1, Math.max(a, b))];
  const span = window.toUs - window.fromUs;
  if (high - low < 0.005 || (high - low) * span < 1) return null;
  return { fromUs: Math.round(window.fromUs + low * span), toUs: Math.round(window.fromUs + high * span) };
}
