/** What a chart's tooltip says at one time. */

import { formatValue } from '../units';
import type { ChartData } from './model';

export interface TooltipRow {
  id: string;
  name: string;
  color: string;
  text: string;
  value: number;
  focused: boolean;
}

const MAX_ROWS = 14;

/** Rows by falling value; the one under the pointer is always among them. */
export function tooltipRows(data: ChartData, index: number, focused: number | null, unit?: string): { rows: TooltipRow[]; more: number } {
  const all = data.series.flatMap((s, i) => {
    const value = s.values[index];
    if (s.hidden || value === null || value === undefined) return [];
    return [{ id: s.id, name: s.name, color: s.color, value, text: formatValue(value, s.unit ?? unit, s.decimals), focused: i === focused }];
  });
  all.sort((a, b) => b.value - a.value);
  const rows = all.slice(0, MAX_ROWS);
  const under = all.find((r) => r.focused);
  if (under && !rows.includes(under)) rows[rows.length - 1] = under;
  return { rows, more: all.length - rows.length };
}
