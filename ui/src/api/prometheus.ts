/** Prometheus' HTTP API. */

import type { Labels } from '../lib/labels';
import { request, type Query } from './http';

export type Point = [number, string];

export interface HistogramPoint {
  count: string;
  sum: string;
  buckets?: [number, string, string, string][];
}

export interface VectorSample {
  metric: Labels;
  value?: Point;
  histogram?: [number, HistogramPoint];
}

export interface MatrixSeries {
  metric: Labels;
  values?: Point[];
  histograms?: [number, HistogramPoint][];
}

export type QueryData =
  | { resultType: 'vector'; result: VectorSample[] }
  | { resultType: 'matrix'; result: MatrixSeries[] }
  | { resultType: 'scalar' | 'string'; result: Point };

export interface Answer<T> {
  data: T;
  warnings: string[];
  infos: string[];
}

async function ask<T>(path: string, query: Query, signal?: AbortSignal): Promise<Answer<T>> {
  const body = (await request(`/api/v1/${path}`, query, signal)) as { data: T; warnings?: string[]; infos?: string[] };
  return { data: body.data, warnings: body.warnings ?? [], infos: body.infos ?? [] };
}

export function instant(query: string, timeMs: number, signal?: AbortSignal): Promise<Answer<QueryData>> {
  return ask('query', { query, time: timeMs / 1000 }, signal);
}

export interface RangeRequest {
  query: string;
  fromMs: number;
  toMs: number;
  stepSeconds: number;
}

/** Start and end are aligned to the step, so that a refresh moves points only by whole steps. */
export async function range(r: RangeRequest, signal?: AbortSignal): Promise<Answer<MatrixSeries[]>> {
  const { start, end } = alignRange(r);
  const answer = await ask<QueryData>('query_range', { query: r.query, start, end, step: r.stepSeconds }, signal);
  return { ...answer, data: answer.data.resultType === 'matrix' ? answer.data.result : [] };
}

/** Seconds of the first and last point of a range request. */
export function alignRange(r: Omit<RangeRequest, 'query'>): { start: number; end: number } {
  const step = r.stepSeconds;
  const round = (n: number): number => Number(n.toFixed(3));
  return { start: round(Math.ceil(r.fromMs / 1000 / step) * step), end: round(Math.floor(r.toMs / 1000 / step) * step) };
}

/** The value of the first sample, or null. */
export async function single(query: string, timeMs: number, signal?: AbortSignal): Promise<number | null> {
  const { data } = await instant(query, timeMs, signal);
  const value = data.resultType === 'vector' ? data.result[0]?.value?.[1] : data.resultType === 'scalar' ? data.result[1] : undefined;
  return value === undefined ? null : Number(value);
}

export async function vector(query: string, timeMs: number, signal?: AbortSignal): Promise<VectorSample[]> {
  const { data } = await instant(query, timeMs, signal);
  return data.resultType === 'vector' ? data.result : [];
}

interface Window {
  fromMs?: number;
  toMs?: number;
}

const windowOf = (w: Window): Query => ({ start: w.fromMs === undefined ? undefined : w.fromMs / 1000, end: w.toMs === undefined ? undefined : w.toMs / 1000 });

export async function labelNames(match: readonly string[], w: Window = {}, signal?: AbortSignal): Promise<string[]> {
  return (await ask<string[]>('labels', { 'match[]': match, ...windowOf(w) }, signal)).data;
}

export async function labelValues(name: string, match: readonly string[] = [], w: Window = {}, signal?: AbortSignal): Promise<string[]> {
  return (await ask<string[]>(`label/${encodeURIComponent(name)}/values`, { 'match[]': match, ...windowOf(w) }, signal)).data;
}

export async function series(match: readonly string[], w: Window = {}, signal?: AbortSignal): Promise<Labels[]> {
  return (await ask<Labels[]>('series', { 'match[]': match, ...windowOf(w) }, signal)).data;
}

export interface Metadata {
  type: string;
  help: string;
  unit: string;
}

export async function metadata(signal?: AbortSignal): Promise<Record<string, Metadata[]>> {
  return (await ask<Record<string, Metadata[]>>('metadata', {}, signal)).data;
}

export interface Target {
  discoveredLabels: Labels;
  labels: Labels;
  scrapePool: string;
  scrapeUrl: string;
  globalUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: 'up' | 'down' | 'unknown';
  scrapeInterval: string;
  scrapeTimeout: string;
}

export interface Targets {
  activeTargets: Target[];
  droppedTargets: { discoveredLabels: Labels; scrapePool?: string }[];
  droppedTargetCounts?: Record<string, number>;
}

export async function targets(signal?: AbortSignal): Promise<Targets> {
  return (await ask<Targets>('targets', { state: 'any' }, signal)).data;
}

export interface Alert {
  labels: Labels;
  annotations: Labels;
  state: 'pending' | 'firing' | 'inactive';
  activeAt?: string;
  keepFiringSince?: string;
  value: string;
}

export interface Rule {
  type: 'alerting' | 'recording';
  name: string;
  query: string;
  health: string;
  lastError?: string;
  evaluationTime: number;
  lastEvaluation: string;
  labels?: Labels;
  annotations?: Labels;
  state?: 'unknown' | 'inactive' | 'pending' | 'firing';
  duration?: number;
  keepFiringFor?: number;
  alerts?: Alert[];
}

export interface RuleGroup {
  name: string;
  file: string;
  interval: number;
  rules: Rule[];
  evaluationTime: number;
  lastEvaluation: string;
}

export async function rules(signal?: AbortSignal): Promise<RuleGroup[]> {
  return (await ask<{ groups: RuleGroup[] }>('rules', {}, signal)).data.groups;
}

export async function alerts(signal?: AbortSignal): Promise<Alert[]> {
  return (await ask<{ alerts: Alert[] }>('alerts', {}, signal)).data.alerts;
}

export async function status<T>(what: 'config' | 'flags' | 'runtimeinfo' | 'buildinfo' | 'tsdb', signal?: AbortSignal): Promise<T> {
  return (await ask<T>(`status/${what}`, {}, signal)).data;
}

