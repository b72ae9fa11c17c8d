/** Careful reading of JSON that others wrote: each helper gives a usable value or undefined. */

export type Json = Record<string, unknown>;

export function obj(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function arr(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function objs(value: unknown): Json[] {
  return arr(value).filter((v) => typeof v === 'object' && v !== null).map(obj);
}

export function str(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Text of a string, number or boolean. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** A number, also one that stands as text. */
export function num(value: unknown): number | undefined {
  const n = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof n === 'number' && Number.isFinite(n) ? n : undefined;
}

export function texts(value: unknown): string[] {
  return arr(value).map(text).filter(Boolean);
}

/** Sets a nested value: `custom.axisPlacement`. */
export function setPath(target: Json, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() ?? path;
  let at = target;
  for (const key of keys) {
    at[key] = { ...obj(at[key]) };
    at = at[key] as Json;
  }
  at[last] = value;
}
