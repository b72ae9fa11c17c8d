import { expect, it } from 'vitest';

import type { Incident } from '../api/incidents';
import { eventLook, incidentAt, incidentSteps, incidentsOf, incidentTimes, sortIncidents, targetShare, targetTone } from './incidents';

const incident = (id: string, patch: Partial<Incident> = {}): Incident => ({
  id, title: id, state: 'open', severity: null, service: null, groupLabels: {}, firstBadMs: 0, startedMs: 1000, notifiedMs: null, acknowledgedMs: null, acknowledgedBy: null, resolvedMs: null,
  alerts: 1, firing: 1, alertnames: ['A'], timeToDetectMs: 1000, timeToAcknowledgeMs: null, timeToRecoverMs: null, ...patch,
});

it('puts what needs a hand first', () => {
  const all = [incident('done', { state: 'resolved', startedMs: 9 }), incident('old', { startedMs: 1 }), incident('seen', { state: 'acknowledged' }), incident('new', { startedMs: 5 })];
  expect(sortIncidents(all).map((i) => i.id)).toEqual(['new', 'old', 'seen', 'done']);
});

it('finds the incident of an alert by group and name', () => {
  const all = [incident('other', { alertnames: ['B'] }), incident('mine', { groupLabels: { service: 'api' } }), incident('elsewhere', { groupLabels: { service: 'db' } }), incident('everything')];
  expect(incidentsOf({ alertname: 'A', service: 'api' }, all).map((i) => i.id)).toEqual(['mine', 'everything']);
});

it('takes the incident that ran when the alert fired', () => {
  const minute = 60_000;
  const all = [incident('before', { firstBadMs: 0, startedMs: minute, resolvedMs: 5 * minute }), incident('now', { firstBadMs: 20 * minute, startedMs: 21 * minute })];
  expect([3, 21, 10].map((m) => incidentAt({ alertname: 'A' }, all, m * minute)?.id)).toEqual(['before', 'now', undefined]);
});

it('tells the course, also where it has not ended', () => {
  expect(incidentSteps(incident('x', { notifiedMs: 2000 })).map((s) => s.atMs)).toEqual([0, 1000, 2000, null, null]);
  expect([eventLook('notified').text, eventLook('quarantined')]).toEqual(['Notified', { text: 'quarantined', icon: 'dots', tone: 'plain' }]);
});

it('gives a chart rising times', () => {
  const at = incidentTimes([incident('b', { startedMs: 2000, timeToRecoverMs: 7 }), incident('a'), incident('c', { startedMs: 2000 })]);
  expect(at.times).toEqual([1, 2, 2.001]);
  expect(at.values.timeToRecoverMs).toEqual([null, 7, null]);
});

it('holds times against the target', () => {
  expect([targetTone(null, 100), targetTone(50, 100), targetTone(90, 100), targetTone(101, 100)]).toEqual(['plain', 'ok', 'warn', 'crit']);
  expect([targetShare({ count: 4, withinTarget: 3 }), targetShare({ count: 0, withinTarget: 0 })]).toEqual([0.75, null]);
});
