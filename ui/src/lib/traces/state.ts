/** The trace pages in the URL. */

import { parseDuration } from '../duration';
import type { Params } from '../url';
import type { Span1d } from './axis';

export const SORTS = ['newest', 'longest', 'shortest', 'spans', 'errors'] as const;
export type TraceSort = (typeof SORTS)[number];
export const LIMITS = [20, 50, 100, 200, 500] as const;
const LIMIT = 50;
const MAX_LIMIT = 1000;

export interface TracesState {
  /** Empty for all. */
  service: string;
  operation: string;
  /** `key=value key2="two words"`. */
  tags: string;
  minDuration: string;
  maxDuration: string;
  errors: boolean;
  limit: number;
  sort: TraceSort;
}

export function decodeTraces(params: URLSearchParams): TracesState {
  const text = (key: string): string => params.get(key) ?? '';
  const duration = (key: string): string => (parseDuration(text(key)) === null ? '' : text(key));
  const limit = Number(params.get('limit'));
  return {
    service: text('service'), operation: text('operation'), tags: text('tags'),
    minDuration: duration('minDuration'), maxDuration: duration('maxDuration'), errors: params.get('errors') === '1',
    limit: Number.isInteger(limit) && limit > 0 ? Math.min(limit, MAX_LIMIT) : LIMIT,
    sort: SORTS.find((s) => s === params.get('sort')) ?? 'newest',
  };
}

export function encodeTraces(state: TracesState): Params {
  return {
    service: state.service, operation: state.operation, tags: state.tags.trim(), minDuration: state.minDuration, maxDuration: state.maxDuration,
    errors: state.errors ? '1' : null, limit: state.limit === LIMIT ? null : String(state.limit), sort: state.sort === 'newest' ? null : state.sort,
  };
}

/** Tags in logfmt: `error=true http.route="/v1/x y"`. */
export function parseTags(text: string): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const match of text.matchAll(/([^\s=]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g)) {
    tags[match[1] ?? ''] = match[2] !== undefined ? match[2].replace(/\\(.)/g, '$1') : (match[3] ?? '');
  }
  return tags;
}

/** What of the text is no `key=value`; empty when all of it is. */
export function strayTags(text: string): string {
  return text.replace(/([^\s=]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))/g, '').trim();
}

/** One tag as logfmt. */
export function formatTag(key: string, value: string): string {
  return /^[^\s"=]+$/.test(value) ? `${key}=${value}` : `${key}="${value.replace(/["\\]/g, '\\$&')}"`;
}

/** A trace's id in a pasted text: bare, with dashes, or the middle of a traceparent. */
export function readTraceId(text: string): string | null {
  const trimmed = text.trim();
  const parent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/i.exec(trimmed)?.[1];
  const bare = (parent ?? trimmed.replace(/-/g, '')).toLowerCase();
  return /^[0-9a-f]{1,32}$/.test(bare) && !/^0+$/.test(bare) ? bare : null;
}

/** The id as logs carry it: 32 digits. Jaeger's API cuts a high half of zeros off. */
export function fullTraceId(id: string): string {
  return id.toLowerCase().padStart(32, '0');
}

export const VIEWS = ['timeline', 'flame', 'table', 'statistics'] as const;
export type TraceView = (typeof VIEWS)[number];

export interface TraceViewState {
  view: TraceView;
  span: string;
  find: string;
  zoom: Span1d | null;
  critical: boolean;
}

export function decodeTraceView(params: URLSearchParams): TraceViewState {
  const zoom = /^(\d+)-(\d+)$/.exec(params.get('zoom') ?? '');
  const window = zoom ? { fromUs: Number(zoom[1]), toUs: Number(zoom[2]) } : null;
  return {
    view: VIEWS.find((v) => v === params.get('view')) ?? 'timeline', span: params.get('span') ?? '', find: params.get('find') ?? '',
    zoom: window && window.toUs > window.fromUs ? window : null, critical: params.get('critical') !== '0',
  };
}

export function encodeTraceView(state: TraceViewState): Params {
  return {
    view: state.view === 'timeline' ? null : state.view, span: state.span, find: state.find,
    zoom: state.zoom ? `${state.zoom.fromUs}-${state.zoom.toUs}` : null, critical: state.critical ? null : '0',
  };
}
