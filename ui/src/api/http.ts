/** Requests to Skopos: JSON in, errors with the server's own words out. */

/** Above this length a query travels as a form, not in the URL. */
const MAX_URL = 1800;

/** Requests without an answer yet. */
let open = 0;

/** Whether nothing is being asked. */
export const idle = (): boolean => open === 0;

/** What went wrong, in the server's words. */
export class ApiError extends Error {
  constructor(
    message: string,
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** Prometheus' errorType, where the endpoint has one. */
    readonly type: string,
    readonly url: string,
  ) {
    super(message);
  }

  static from(cause: unknown): ApiError {
    if (cause instanceof ApiError) return cause;
    return new ApiError(cause instanceof Error ? cause.message : String(cause), 0, 'page', '');
  }

  /** Whether the server has no such endpoint: it is older than this page. */
  get absent(): boolean {
    return this.status === 404 || this.status === 405 || this.status === 501 || (this.type === 'format' && this.status === 200);
  }

  /** What the reader can do about it. */
  get hint(): string {
    if (this.status === 0 && this.type === 'network') return 'Is Skopos still running? The page asks again with the next refresh.';
    if (/parse error/i.test(this.message)) return 'Check the expression at the place named above.';
    if (this.status === 404) return 'It may have aged out, or the server has no such endpoint. Status shows what is stored.';
    if (this.status === 422) return 'The expression is valid but cannot be evaluated on this data. Narrow the selectors or the time range.';
    if (this.status === 429) return 'Too many requests at once. Wait a moment, or refresh less often.';
    if (this.status === 503 || this.status === 504) return 'The query took too long. Narrow the time range or the selectors.';
    if (this.status >= 500) return 'The server failed. Its own logs tell why: Explore, Logs, {service_name="skopos"}.';
    return '';
  }
}

export type Query = Record<string, string | number | readonly string[] | undefined | null>;

export function toSearch(query: Query): URLSearchParams {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue;
    if (typeof value === 'string' || typeof value === 'number') search.append(key, String(value));
    else for (const item of value) search.append(key, item);
  }
  return search;
}

/** GET, or POST as a form when the query is long. */
export async function request(path: string, query: Query = {}, signal?: AbortSignal, headers: Record<string, string> = {}): Promise<unknown> {
  const search = toSearch(query).toString();
  const long = search.length > MAX_URL;
  const url = search && !long ? `${path}?${search}` : path;
  const init: RequestInit = { headers: { Accept: 'application/json', ...headers } };
  if (signal) init.signal = signal;
  if (long) {
    init.method = 'POST';
    init.body = search;
    init.headers = { ...headers, Accept: 'application/json', 'Content-Type': 'application/x-www-form-urlencoded' };
  }
  open++;
  try {
    return await read(await send(url, init), url);
  } finally {
    open--;
  }
}

/** Sends JSON and reads what comes back; an empty answer is undefined. */
export async function submit(method: 'POST' | 'DELETE', path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
  const init: RequestInit = { method, headers: { Accept: 'application/json' } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { Accept: 'application/json', 'Content-Type': 'application/json' };
  }
  if (signal) init.signal = signal;
  open++;
  try {
    return await read(await send(path, init), path, true);
  } finally {
    open--;
  }
}

/** A text that is no JSON. */
export async function requestText(path: string, signal?: AbortSignal): Promise<string> {
  open++;
  try {
    const response = await send(path, { headers: { Accept: 'text/plain, text/*' }, ...(signal ? { signal } : {}) });
    if (!response.ok) await read(response, path);
    return await response.text();
  } finally {
    open--;
  }
}

/** The whole address of a path: one that is relative to a page opened with a name and password in its address is refused by `fetch`. */
export const absolute = (path: string): string => new URL(path, location.origin).href;

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(absolute(url), init);
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError('no answer from the server', 0, 'network', url);
  }
}

async function read(response: Response, url: string, mayBeEmpty = false): Promise<unknown> {
  const text = await response.text();
  if (response.ok && mayBeEmpty && text === '') return undefined;
  const body = parse(text);
  if (response.ok && body !== undefined) return body;
  if (response.ok) throw new ApiError('the answer is not JSON', response.status, 'format', url);
  throw new ApiError(messageOf(body, text) || `${response.status} ${response.statusText}`, response.status, typeOf(body), url);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Prometheus: `error`; Jaeger: `errors[].msg`; Alertmanager: a JSON string; Loki: the text itself. */
function messageOf(body: unknown, text: string): string {
  if (typeof body === 'string') return body;
  if (typeof body !== 'object' || body === null) return text.length < 2000 && !text.trimStart().startsWith('<') ? text.trim() : '';
  const { error, errors, message } = body as { error?: unknown; errors?: { msg?: string }[]; message?: unknown };
  if (typeof error === 'string') return error;
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  if (Array.isArray(errors) && errors[0]?.msg) return errors[0].msg;
  return typeof message === 'string' ? message : '';
}

function typeOf(body: unknown): string {
  if (typeof body === 'object' && body !== null && 'errorType' in body) return String(body.errorType);
  return 'http';
}
