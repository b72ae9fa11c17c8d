/** What decided that an alert fires. */

import type { Labels } from '../lib/labels';
import { request, requestText } from './http';

export interface EvidenceSeries {
  labels: Labels;
  samples: [number, string][];
}

/** A log line that an expression of LogQL read. */
export interface EvidenceLine {
  timestampNs: string;
  labels: Labels;
  line: string;
}

export interface Evidence {
  fingerprint: string;
  labels: Labels;
  rule: { name: string; group: string; file: string; line: number | null; expr: string; for: string | number | null; language?: 'promql' | 'logql' };
  configVersion: string | number | null;
  firstBadMs: number | null;
  pendingMs: number | null;
  firedMs: number | null;
  /** When it ended, and why, where it did: `conditionOver`, `limitExceeded` or `ruleRemoved`. */
  endedMs?: number | null;
  endReason?: string | null;
  result: { labels: Labels; value: string | number }[];
  selectors: { selector: string; series: EvidenceSeries[]; lines?: EvidenceLine[] }[];
  links: {
    exemplar: { traceId: string; value: string | number; atMs: number; metric: string } | null;
    trace: { traceId: string; service: string; name: string; durationMs: number; startMs: number; hasError: boolean } | null;
    logs: { query: string; fromMs: number; toMs: number; lines: { tsNs: string; line: string; labels: Labels }[] } | null;
    runbook: { url: string | null; pack: string | null; file: string | null; markdown: string | null } | null;
  };
}

export async function evidence(fingerprint: string, signal?: AbortSignal): Promise<Evidence> {
  return (await request(`/api/skopos/evidence/${encodeURIComponent(fingerprint)}`, {}, signal)) as Evidence;
}

/** A runbook of a pack, in Markdown. */
export function runbook(pack: string, file: string, signal?: AbortSignal): Promise<string> {
  return requestText(`/api/skopos/runbooks/${encodeURIComponent(pack)}/${encodeURIComponent(file)}`, signal);
}
