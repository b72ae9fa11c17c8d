// Alerts of the tests' own, so that no fault is needed: Skopos takes them as an outside Prometheus would send them.

import assert from 'node:assert/strict';

import { ask, base, until } from './scenario.mjs';

/** A name that no other run has used. */
export const fresh = (what) => `Browser${what}${Date.now().toString(36)}`;

export async function send(method, path, body) {
  const response = await fetch(base + path, { method, headers: { 'Content-Type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  assert.ok(response.ok, `${response.status} for ${method} ${path}: ${response.ok ? '' : await response.text()}`);
  return response;
}

/** Fires for ten minutes; the answer ends it. */
export async function fire(alertname, labels = {}) {
  const alert = { labels: { alertname, severity: 'warning', service: 'browser-test', ...labels }, annotations: { summary: `${alertname} is of a test` }, generatorURL: `${base}/graph?g0.expr=up&g0.tab=1` };
  const startsAt = new Date().toISOString();
  const post = (endsAt) => send('POST', '/api/v2/alerts', [{ ...alert, startsAt, endsAt }]);
  await post(new Date(Date.now() + 600_000).toISOString());
  await until(`${alertname} among the alerts`, async () => (await found(alertname)).length > 0);
  return () => post(new Date().toISOString());
}

export const found = (alertname) => ask(`/api/v2/alerts?filter=${encodeURIComponent(`alertname="${alertname}"`)}`);

export const silencesOf = async (alertname) => (await ask('/api/v2/silences')).filter((s) => s.matchers.some((m) => m.name === 'alertname' && m.value === alertname));

export async function endSilences(alertname) {
  for (const silence of await silencesOf(alertname)) if (silence.status.state !== 'expired') await send('DELETE', `/api/v2/silence/${silence.id}`);
}

/** The open incident of an alert; it opens with the first notification of its group, after `group_wait`. */
export function incidentOf(alertname) {
  return until(`an incident of ${alertname}`, async () => (await ask('/api/skopos/incidents?state=open&limit=100')).incidents.find((i) => i.alertnames.includes(alertname)), 120_000);
}
