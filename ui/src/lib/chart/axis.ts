/** Axes: how times and values read, and how far the value axis reaches. */

import { formatValue } from '../units';
import { formatDate, formatTime } from '../time';
import type { AxisOptions } from './model';

/** Labels of the time axis; the date appears where the day changes. */
export function timeLabels(seconds: readonly number[], spanSeconds: number): string[] {
  let day = '';
  return seconds.map((t, i) => {
    const ms = t * 1000;
    const [date, clock] = [formatDate(ms), formatTime(ms)];
    const changed = i > 0 && date !== day;
    day = date;
    if (spanSeconds > 3 * 86_400) return clock === '00:00:00' || spanSeconds > 20 * 86_400 ? date.slice(5) : `${date.slice(5)} ${clock.slice(0, 5)}`;
    if (changed) return date.slice(5);
    return spanSeconds < 300 ? clock : clock.slice(0, 5);
  });
}

/** Labels of a value axis with enough decimals to tell neighbours apart. */
export function valueLabels(values: readonly number[], axis: AxisOptions): string[] {
  for (let decimals = axis.decimals ?? -1; decimals < 5; decimals++) {
    const labels = values.map((v) => formatValue(v, axis.unit, decimals < 0 ? undefined : decimals));
    if (axis.decimals != null || new Set(labels).size === labels.length) return labels;
  }
  return values.map((v) => formatValue(v, axis.unit, 5));
}

/** The extent of a value axis: fixed ends win, soft ends may be passed by data, positives start at zero. */
export function valueRange(dataMin: number | null, dataMax: number | null, axis: AxisOptions, zero: boolean): [number, number] {
  let low = dataMin ?? 0;
  let high = dataMax ?? 1;
  if (axis.softMin != null) low = Math.min(low, axis.softMin);
  if (axis.softMax != null) high = Math.max(high, axis.softMax);
  if (zero && low > 0) low = 0;
  if (zero && high < 0) high = 0;
  if (axis.min != null) low = axis.min;
  if (axis.max != null) high = axis.max;
  if (low === high) [low, high] = flat(low, axis);
  const pad = (high - low) * 0.06;
  if (axis.max == null && high !== 0) high += pad;
  if (axis.min == null && low !== 0) low -= pad;
  return [low, high];
}

function flat(value: number, axis: AxisOptions): [number, number] {
  if (value === 0) return [axis.min ?? 0, axis.max ?? 1];
  const room = Math.abs(value) * 0.1;
  return [axis.min ?? value - room, axis.max ?? value + room];
}
