import { describe, expect, it } from 'vitest';

import type { Firing, Proof } from '../api/prove';
import { cellKind, coverageShare, expandValues, filterProofs, firingRows, nights, parseSweep, proofKey, proofSteps, sweepOf, witnessChart, witnessYaml } from './prove';

const proof = (name: string, patch: Partial<Proof> = {}): Proof => ({
  file: 'alerts.yml', group: 'g', name, line: 7, expr: 'up == 0', forMs: 0, verdict: 'proven', where: null, why: null, timeToFireMs: 60_000, receivers: ['pager'], message: null,
  witness: [{ series: "up{job='a'}", values: '0x5' }], intervalMs: 30_000, timeline: { firstBadMs: 0, pendingMs: 0, firingMs: 60_000, notifiedMs: 90_000, resolvedMs: null }, resolvedBy: null, ...patch,
});

describe('reports', () => {
  const all = [proof('Good'), proof('Bad', { verdict: 'broken', where: 'route', why: 'no route takes it' }), proof('Odd', { verdict: 'notProvable', why: 'depends on the hour' })];
  it('list findings first and find by reason', () => {
    expect(filterProofs(all, null, '').map((p) => p.name)).toEqual(['Bad', 'Odd', 'Good']);
    expect(filterProofs(all, 'proven', '').map((p) => p.name)).toEqual(['Good']);
    expect(filterProofs(all, null, 'NO ROUTE').map((p) => p.name)).toEqual(['Bad']);
    expect(new Set(all.map(proofKey)).size).toBe(3);
  });
  it('tell the course', () => {
    expect(proofSteps(proof('x')).map((s) => s.atMs)).toEqual([0, 0, 60_000, 90_000, null]);
    expect(proofSteps(proof('x', { timeline: null })).every((s) => s.atMs === null)).toBe(true);
  });
});

describe('witnesses', () => {
  it.each([
    ['1 2 -3.5', [1, 2, -3.5]],
    ['0+10x3', [0, 10, 20, 30]],
    ['10-2x2', [10, 8, 6]],
    ['5x2', [5, 5, 5]],
    ['_x2 1 stale', [null, null, 1, null]],
    ['1e3 NaN +Inf', [1000, null, null]],
    ['{{schema:0 sum:1 count:1}}x2 4', [null, null, 4]],
    ['', []],
  ])('%s', (text, values) => {
    expect(expandValues(text)).toEqual(values);
  });
  it('do not grow without bound', () => {
    expect(expandValues('0+1x999999999').length).toBe(5000);
  });
  it('become a promtool test', () => {
    expect(witnessYaml(proof('Down'))).toBe(
      "rule_files: ['alerts.yml']\nevaluation_interval: 30s\ntests:\n  - interval: 30s\n    input_series:\n      - series: 'up{job=''a''}'\n        values: '0x5'\n    alert_rule_test:\n      - alertname: Down\n        eval_time: 1m\n",
    );
  });
  it('expect the alerts that fired', () => {
    const yaml = witnessYaml(proof('Down', { evaluationIntervalMs: 15_000, alerts: [{ labels: { alertname: 'Down', job: 'a' }, annotations: { summary: "it's \"down\"" } }] }));
    expect(yaml).toContain('evaluation_interval: 15s');
    expect(yaml).toContain('        exp_alerts:\n          - {exp_labels: {"job":"a"}, exp_annotations: {"summary":"it\'s \\"down\\""}}\n');
  });
  it('share a grid', () => {
    const chart = witnessChart([{ series: 'a', values: '1 2 3' }, { series: 'b', values: '4' }], 15_000);
    expect(chart).toEqual({ times: [0, 15, 30], series: [{ name: 'a', values: [1, 2, 3] }, { name: 'b', values: [4, null, null] }] });
  });
});

describe('backtests', () => {
  it.each([
    ['1, 2.5 10', [1, 2.5, 10]],
    ['0.5..2 by 0.5', [0.5, 1, 1.5, 2]],
    ['0..10', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    ['a', null],
    ['3..1', null],
    ['0..1 by 0.0001', null],
    ['', []],
  ])('sweep %s', (text, values) => {
    expect(parseSweep(text)).toEqual(values);
  });
  it('know the nights', () => {
    const at = (text: string): number => Date.parse(`${text}Z`);
    expect(nights(at('2026-05-01T12:00:00'), at('2026-05-02T23:00:00'))).toEqual([
      { fromMs: at('2026-05-01T22:00:00'), toMs: at('2026-05-02T06:00:00') },
      { fromMs: at('2026-05-02T22:00:00'), toMs: at('2026-05-02T23:00:00') },
    ]);
    expect(nights(at('2026-05-01T03:00:00'), at('2026-05-01T04:00:00'))).toHaveLength(1);
    expect(nights(at('2026-05-01T07:00:00'), at('2026-05-01T21:00:00'))).toEqual([]);
  });
  it('put the rule as it is among the points of its sweep', () => {
    const rule = { name: 'A', expr: '', forMs: 0, firings: [], count: 3, totalMs: 5, nightCount: 1, incidents: null, threshold: 2 };
    const point = (rule: string, threshold: number | null): { rule: string; threshold: number | null; count: number; totalMs: number; nightCount: number } => ({ rule, threshold, count: 9, totalMs: 9, nightCount: 0 });
    expect(sweepOf(rule, [point('A', 4), point('B', 1), point('A', 1), point('A', null)]).map((p) => [p.threshold, p.count, p.current])).toEqual([[1, 9, false], [2, 3, true], [4, 9, false]]);
    expect(sweepOf(rule, [point('B', 1)])).toEqual([]);
  });
  it('group firings by labels', () => {
    const f = (a: string, startMs: number, endMs: number): Firing => ({ labels: { a }, startMs, endMs, ongoing: false, night: false });
    expect(firingRows([f('x', 0, 1), f('y', 0, 9), f('x', 4, 6)], (r) => r.labels['a'] ?? '').map((r) => [r.name, r.firings.length, r.totalMs])).toEqual([['y', 1, 9], ['x', 2, 3]]);
  });
});

it('sees gaps in the coverage', () => {
  const rule = (verdict: 'proven' | 'broken', receivers: string[]): { name: string; verdict: 'proven' | 'broken'; receivers: string[] } => ({ name: 'r', verdict, receivers });
  expect([cellKind([]), cellKind([rule('broken', ['a'])]), cellKind([rule('proven', [])]), cellKind([rule('broken', []), rule('proven', ['a'])])]).toEqual(['gap', 'unproven', 'unproven', 'proven']);
  expect(coverageShare({ modes: ['down', 'slow'], services: [{ service: 's', cells: [{ mode: 'down', rules: [rule('proven', ['a'])] }] }] })).toEqual({ covered: 1, all: 2 });
});
