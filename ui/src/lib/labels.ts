/** Label sets: text form, selectors and series names. */

export type Labels = Record<string, string>;

const quote = (value: string): string => JSON.stringify(value);

/** `{a="b", c="d"}` without the metric name. */
export function formatLabels(labels: Labels, skip: readonly string[] = ['__name__']): string {
  const pairs = Object.keys(labels).filter((k) => !skip.includes(k)).sort().map((k) => `${k}=${quote(labels[k] ?? '')}`);
  return `{${pairs.join(', ')}}`;
}

/** `name{a="b"}` as Prometheus writes a series. */
export function formatSeries(labels: Labels): string {
  const name = labels['__name__'] ?? '';
  const rest = formatLabels(labels);
  return rest === '{}' && name ? name : name + rest;
}

/** Names whose values differ between the series; those are what a short legend needs. */
export function differingLabels(all: readonly Labels[]): string[] {
  const first = all[0];
  if (!first) return [];
  const names = new Set(all.flatMap((l) => Object.keys(l)));
  return [...names].filter((n) => all.some((l) => l[n] !== first[n])).sort();
}

/** A short name within a result: the differing labels only, or the expression when there is one series. */
export function autoName(labels: Labels, all: readonly Labels[], expr: string): string {
  const names = differingLabels(all);
  if (names.length === 0) return all.length > 1 ? formatSeries(labels) : (Object.keys(labels).length ? formatSeries(labels) : expr);
  if (names.length === 1 && names[0]) return labels[names[0]] ?? '';
  const name = names.includes('__name__') ? (labels['__name__'] ?? '') : '';
  return name + formatLabels(Object.fromEntries(names.filter((n) => labels[n] !== undefined).map((n) => [n, labels[n] ?? ''])));
}

/** Grafana's `legendFormat`: `{{label}}`; `__auto` and empty have names of their own. */
export function legendName(format: string | undefined, labels: Labels, all: readonly Labels[], expr: string): string {
  if (!format) return formatSeries(labels) === '{}' ? expr : formatSeries(labels);
  if (format === '__auto') return autoName(labels, all, expr);
  return format.replace(/\{\{\s*([^}]+?)\s*\}\}/g, (_, name: string) => labels[name] ?? '');
}

/** A value inside `=~"…"`. */
export function escapeRegex(value: string): string {
  return value.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&');
}

/** A matcher's value in double quotes. */
export function quoteValue(value: string): string {
  return quote(value);
}
