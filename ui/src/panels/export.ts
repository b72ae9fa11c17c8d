/** A panel's data as files. */

import { toCsv } from '../lib/csv';
import { fieldName } from '../lib/dashboard/display';
import { rowCount } from '../lib/dashboard/frames';
import type { Field, Frame } from '../lib/dashboard/model';

type Out = string | number | null;

function cell(field: Field, value: unknown): Out {
  if (value === null || value === undefined) return null;
  if (field.type === 'time' && typeof value === 'number') return new Date(value).toISOString();
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
}

/** Series with the same times share one table; others follow below an empty line. */
export function framesToCsv(frames: readonly Frame[]): string {
  const groups = new Map<string, { frame: Frame; fields: { field: Field; frame: Frame }[] }>();
  for (const frame of frames) {
    const time = frame.fields.find((f) => f.type === 'time');
    const series = frame.fields.some((f) => f.legend !== undefined);
    const key = series ? `${time?.values.length}:${String(time?.values[0])}` : `table:${groups.size}`;
    const group = groups.get(key);
    if (group && series) group.fields.push(...frame.fields.filter((f) => f.type !== 'time').map((field) => ({ field, frame })));
    else groups.set(key, { frame, fields: frame.fields.map((field) => ({ field, frame })) });
  }
  return [...groups.values()].map(({ frame, fields }) => toCsv([fields.map(({ field, frame: own }) => fieldName(field, own)), ...Array.from({ length: rowCount(frame) }, (_, i) => fields.map(({ field }) => cell(field, field.values[i])))])).join('\r\n\r\n');
}

export function download(name: string, content: string, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
