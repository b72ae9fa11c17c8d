/** Durations as Prometheus, Go and people write them. */

const UNIT_MS: Record<string, number> = {
  ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, M: 2_592_000_000, y: 31_536_000_000,
};

/** Milliseconds of a text like `1h30m`, `250ms`, `1.5s` or a bare number of seconds; null when it is none. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
  const part = /(\d+(?:\.\d+)?)(ns|us|µs|ms|[smhdwMy])/g;
  let total = 0;
  let end = 0;
  for (const match of trimmed.matchAll(part)) {
    if (match.index !== end) return null;
    total += Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0);
    end += match[0].length;
  }
  return end > 0 && end === trimmed.length ? total : null;
}

/** A duration for people with about three digits: `843 µs`, `1.24 s`, `3 min 5 s`, `2 d 4 h`. */
export function formatDuration(ms: number): string {
  const abs = Math.abs(ms);
  if (abs === 0) return '0 s';
  if (abs < 0.001) return `${trim(ms * 1e6)} ns`;
  if (abs < 1) return `${trim(ms * 1e3)} µs`;
  if (abs < 1000) return `${trim(ms)} ms`;
  if (abs < 60_000) return `${trim(ms / 1000)} s`;
  return twoUnits(ms);
}

function twoUnits(ms: number): string {
  const steps: [string, number][] = [['y', 31_536_000], ['d', 86_400], ['h', 3600], ['min', 60], ['s', 1]];
  let rest = Math.round(Math.abs(ms) / 1000);
  const parts: string[] = [];
  for (const [unit, size] of steps) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) parts.push(`${n} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return (ms < 0 ? '-' : '') + parts.join(' ');
}

function trim(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** A Prometheus duration for a query: 90 → `1m30s`. */
export function promDuration(seconds: number): string {
  if (seconds > 0 && seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))}ms`;
  let rest = Math.max(1, Math.round(seconds));
  let text = '';
  for (const [unit, size] of [['d', 86_400], ['h', 3600], ['m', 60], ['s', 1]] as const) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) text += `${n}${unit}`;
  }
  return text;
}
