/** The lines of a query: a first page, older or newer pages on demand, and what arrived since. */

import { ApiError } from '../../api/http';
import { range, type LogRequest, type LokiData, type LokiStats } from '../../api/loki';
import { idsOf, mergeEntries, nextNs, toEntries, type LogEntry } from '../../lib/logs/entries';
import { MAX_LINES } from '../../lib/logs/state';
import type { Range } from '../../lib/time';

export interface FeedRequest {
  query: string;
  range: Range;
  limit: number;
  oldestFirst: boolean;
  /** Nanoseconds of the line in the middle. */
  at: string | null;
}

const AROUND = 60;

export class LogFeed {
  entries = $state.raw<LogEntry[]>([]);
  /** Ids that the last poll brought. */
  fresh = $state.raw<ReadonlySet<string>>(idsOf([]));
  loading = $state(false);
  loadingMore = $state(false);
  /** The list holds all there is in the range, or as much as it may. */
  complete = $state(false);
  error = $state.raw<ApiError>();
  stats = $state.raw<LokiStats['summary']>();
  loaded = $state(false);
  /** The line around which the list was read. */
  at = $state.raw<string | null>(null);
  private request: FeedRequest | null = null;
  private controller = new AbortController();

  stop(): void {
    this.controller.abort();
  }

  clear(): void {
    this.stop();
    this.entries = [];
    this.loaded = this.loading = this.loadingMore = false;
    this.error = this.stats = undefined;
  }

  /** The first page; the lines before stay until it is there. */
  async load(request: FeedRequest): Promise<void> {
    this.stop();
    this.controller = new AbortController();
    const { signal } = this.controller;
    this.request = request;
    this.loading = true;
    this.loadingMore = false;
    try {
      const found = request.at === null ? await this.page(request, {}, signal) : await this.around(request, request.at, signal);
      if (signal.aborted) return;
      this.entries = found;
      this.at = request.at;
      this.fresh = idsOf([]);
      this.complete = request.at === null && found.length < request.limit;
      this.error = undefined;
      this.loaded = true;
    } catch (cause) {
      if (!signal.aborted) this.fail(cause);
    }
    if (!signal.aborted) this.loading = false;
  }

  /** The next page in reading order. */
  async more(): Promise<void> {
    const [request, last] = [this.request, this.entries[this.entries.length - 1]];
    if (!request || !last || this.complete || this.loading || this.loadingMore) return;
    const { signal } = this.controller;
    this.loadingMore = true;
    try {
      // The edge's own nanosecond is asked again: it may hold more lines.
      const edge = request.oldestFirst ? { startNs: last.ns } : { endNs: nextNs(last.ns) };
      const found = await this.page(request, edge, signal);
      if (signal.aborted) return;
      const merged = mergeEntries(this.entries, found, request.oldestFirst);
      this.complete = found.length < request.limit || merged.length === this.entries.length || merged.length >= MAX_LINES;
      this.entries = merged.slice(0, MAX_LINES);
    } catch (cause) {
      if (!signal.aborted) this.fail(cause);
    }
    if (!signal.aborted) this.loadingMore = false;
  }

  /** What arrived since the newest line. */
  async poll(window: Range): Promise<void> {
    const request = this.request;
    if (!request || request.at !== null || this.loading || (request.oldestFirst && !this.complete)) return;
    const newest = request.oldestFirst ? this.entries[this.entries.length - 1] : this.entries[0];
    if (!newest) return this.load({ ...request, range: window });
    const { signal } = this.controller;
    try {
      const found = await this.page({ ...request, range: window, oldestFirst: false }, { startNs: newest.ns }, signal);
      if (signal.aborted) return;
      this.error = undefined;
      this.take(found, request);
    } catch (cause) {
      if (!signal.aborted) this.fail(cause);
    }
  }

  private take(found: LogEntry[], request: FeedRequest): void {
    const known = idsOf(this.entries);
    const added = found.filter((e) => !known.has(e.id));
    if (added.length === 0) return;
    // A full page means that lines between are missing: begin anew from the newest.
    const gap = found.length >= request.limit && added.length === found.length;
    if (gap) this.complete = false;
    const merged = gap ? found : mergeEntries(this.entries, added, request.oldestFirst);
    this.entries = request.oldestFirst ? merged.slice(-MAX_LINES) : merged.slice(0, MAX_LINES);
    this.fresh = idsOf(added);
  }

  private async around(request: FeedRequest, at: string, signal: AbortSignal): Promise<LogEntry[]> {
    const half = { ...request, limit: AROUND };
    const [before, after] = await Promise.all([
      this.page({ ...half, oldestFirst: false }, { endNs: nextNs(at) }, signal),
      this.page({ ...half, oldestFirst: true }, { startNs: at }, signal),
    ]);
    return mergeEntries(before, after, request.oldestFirst);
  }

  private async page(request: FeedRequest, edge: Pick<LogRequest, 'startNs' | 'endNs'>, signal: AbortSignal): Promise<LogEntry[]> {
    const { query, limit, oldestFirst } = request;
    const data: LokiData = await range({ query, ...request.range, ...edge, limit, direction: oldestFirst ? 'forward' : 'backward' }, signal);
    if (data.resultType !== 'streams') throw new ApiError('the answer holds numbers, not lines', 200, 'format', '');
    if (!signal.aborted && (!edge.startNs || request.at !== null)) this.stats = data.stats?.summary;
    return toEntries(data.result, oldestFirst);
  }

  private fail(cause: unknown): void {
    this.error = ApiError.from(cause);
  }
}
