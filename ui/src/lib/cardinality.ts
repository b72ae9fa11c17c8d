/** Selectors that lead from a count of series to the series. */

import { quoteValue } from './labels';

/** Every series that has the label. */
export function nonEmpty(label: string): string {
  return `{${quoteName(label)}!=""}`;
}

/** Every series with the pair, which the server writes as `label=value`. */
export function pairSelector(pair: string): string {
  const at = pair.indexOf('=');
  return `{${quoteName(pair.slice(0, at))}=${quoteValue(pair.slice(at + 1))}}`;
}

/** Names beyond the classic letters stand in quotes. */
export function quoteName(label: string): string {
  return /^[a-zA-Z_]\w*$/.test(label) ? label : quoteValue(label);
}
