/** Dead letters: events that services gave up, and the jobs that replay or discard them. */

import { request, submit, type Query } from './http';

export interface Settled {
  action: 'replayed' | 'discarded';
  at: string;
  by: string;
  reason?: string;
}

export interface Letter {
  /** `TOPIC/PARTITION/OFFSET`. */
  id: string;
  key: string;
  source_topic: string;
  error_message: string;
  error_type: string;
  retry_count: number;
  replay_count: number;
  timestamp: string;
  consumer_group: string;
  trace_id?: string;
  settled: Settled | null;
}

export interface LetterLine extends Letter {
  /** How the event begins. */
  preview: string;
  bytes: number;
}

export interface LetterDetail extends Letter {
  original_event: unknown;
  /** Base64, where the event is no JSON that would come back the same. */
  original_bytes?: string;
  headers: Record<string, string>;
}

export interface Queue {
  topic: string;
  source_topic: string;
  waiting: number;
  settled: number;
  oldest: string | null;
  /** Whether only the newest letters were counted. */
  is_truncated: boolean;
}

export interface Reason {
  source_topic: string;
  error_type: string;
  waiting: number;
}

export interface LetterFilter {
  topic?: string;
  error_type?: string;
  group?: string;
  trace_id?: string;
  text?: string;
  since?: string;
  until?: string;
  state?: 'waiting' | 'settled' | 'all';
}

export interface Letters {
  bus: string;
  queues: Queue[];
  reasons: Reason[];
  matched: number;
  offset: number;
  limit: number;
  letters: LetterLine[];
}

export interface Job {
  id: number;
  action: 'replay' | 'discard';
  state: 'running' | 'done' | 'failed' | 'cancelled';
  letters: { ids?: string[]; filter?: LetterFilter };
  by: string;
  reason: string;
  rate_per_second: number | null;
  started: string;
  ended: string | null;
  total: number;
  done: number;
  failed: number;
  failures: { id: string; error: string }[];
  may_be_more: boolean;
  error: string | null;
  trace_id: string | null;
}

/** Which letters are to be dealt with, who says so and why. */
export interface Work {
  ids?: readonly string[];
  filter?: LetterFilter;
  rate_per_second?: number;
  by: string;
  reason: string;
}

const DLQ = '/api/skopos/dlq';

export async function letters(filter: LetterFilter, limit: number, offset: number, signal?: AbortSignal): Promise<Letters> {
  return (await request(DLQ, { ...(filter as Query), limit, offset: offset || undefined }, signal)) as Letters;
}

export async function letter(id: string, signal?: AbortSignal): Promise<LetterDetail> {
  return (await request(`${DLQ}/${id.split('/').map(encodeURIComponent).join('/')}`, {}, signal)) as LetterDetail;
}

/** Answers with the job, which may still be running. */
export async function work(action: Job['action'], what: Work): Promise<Job> {
  return (await submit('POST', `${DLQ}/${action}`, what)) as Job;
}

export async function jobs(signal?: AbortSignal): Promise<Job[]> {
  return ((await request(`${DLQ}/jobs`, {}, signal)) as { jobs: Job[] }).jobs;
}

export async function job(id: number, signal?: AbortSignal): Promise<Job> {
  return (await request(`${DLQ}/jobs/${id}`, {}, signal)) as Job;
}

/** Ends a job between two letters. */
export async function cancelJob(id: number): Promise<Job> {
  return (await submit('DELETE', `${DLQ}/jobs/${id}`)) as Job;
}
