/** The logs page in the URL. */

import type { Params } from '../url';

export const FORMATS = ['compact', 'raw', 'pretty'] as const;
export type LineFormat = (typeof FORMATS)[number];
export const CLOCKS = ['time', 'datetime', 'iso', 'ago', 'ns'] as const;
export type Clock = (typeof CLOCKS)[number];

export const PAGE_SIZE = 200;
/** More lines are not kept in the list. */
export const MAX_LINES = 5000;

export interface LogsState {
  query: string;
  limit: number;
  oldestFirst: boolean;
  wrap: boolean;
  format: LineFormat;
  clock: Clock;
  columns: string[];
  /** Nanoseconds of the line whose surroundings are shown. */
  at: string | null;
}

export function decodeLogs(params: URLSearchParams): LogsState {
  const limit = Number(params.get('limit'));
  const at = params.get('at');
  return {
    query: params.get('query') ?? '',
    limit: Number.isInteger(limit) && limit > 0 ? Math.min(limit, MAX_LINES) : PAGE_SIZE,
    oldestFirst: params.get('order') === 'oldest',
    wrap: params.get('wrap') === '1',
    format: FORMATS.find((f) => f === params.get('format')) ?? 'compact',
    clock: CLOCKS.find((c) => c === params.get('clock')) ?? 'time',
    columns: params.getAll('col').filter(Boolean),
    at: at && /^\d{1,19}$/.test(at) ? at : null,
  };
}

export function encodeLogs(state: LogsState): Params {
  return {
    query: state.query,
    limit: state.limit === PAGE_SIZE ? null : String(state.limit),
    order: state.oldestFirst ? 'oldest' : null,
    wrap: state.wrap ? '1' : null,
    format: state.format === 'compact' ? null : state.format,
    clock: state.clock === 'time' ? null : state.clock,
    col: state.columns,
    at: state.at,
  };
}
