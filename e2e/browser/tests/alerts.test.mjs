// Active alerts, silences, incidents, notifications and routes.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { endSilences, fire, found, fresh, incidentOf, send, silencesOf } from '../lib/alerting.mjs';
import { ask, scenario, titled, until } from '../lib/scenario.mjs';

const row = (page, alertname) => page.locator('article', { hasText: alertname });

scenario('an active alert is found by matchers that stay in the address', async (page) => {
  const name = fresh('Active');
  const end = await fire(name, { instance: 'a:1' });
  try {
    await page.goto('/alerts/active');
    await titled(page, 'Active alerts');
    const filter = page.getByLabel('Filter by matchers');
    await filter.fill(`alertname="${name}", instance=~"a:.*"`);
    await row(page, name).waitFor();
    await until('the other alerts to go', async () => (await page.locator('main article').count()) === 1);
    await page.waitForURL((url) => url.searchParams.get('filter') === `alertname="${name}", instance=~"a:.*"`);
    await page.reload();
    await row(page, name).waitFor();
    assert.equal(await filter.inputValue(), `alertname="${name}", instance=~"a:.*"`);

    await filter.fill(`alertname="${name}", instance=`);
    await page.getByText('expected a value after instance=').waitFor();
    assert.equal(await row(page, name).count(), 1, 'a text in the making asks nothing');
    await filter.fill(`alertname="${name}", instance="b:2"`);
    await page.getByText('No alert fits the filter').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await row(page, name).getByRole('link', { name: `Explore ${name}` }).click();
    await titled(page, 'Explore metrics');
    await page.waitForURL((url) => url.searchParams.get('q') === 'up');
  } finally {
    await end();
  }
});

scenario('a silence is made from the alert, seen, edited, expired and made again', async (page) => {
  const name = fresh('Silence');
  const end = await fire(name);
  try {
    await page.goto(`/alerts/active?filter=${encodeURIComponent(`alertname="${name}"`)}`);
    await row(page, name).getByRole('link', { name: `Silence ${name}` }).click();
    await titled(page, 'Silence');
    assert.match(await page.getByLabel('Matchers').inputValue(), new RegExp(`alertname="${name}".*service="browser-test"`));
    await page.getByText(/^1 of \d+ active alerts$/).waitFor();

    // What it would keep quiet follows what is typed.
    await page.getByLabel('Matchers').fill(`alertname="${name}", service="other"`);
    await page.getByText('No active alert matches').waitFor();
    await page.getByLabel('Matchers').fill(`alertname="${name}"`);
    await page.getByText(/^1 of \d+ active alerts$/).waitFor();

    await page.getByRole('button', { name: '4h', exact: true }).click();
    await page.getByRole('button', { name: 'Silence', exact: true }).click();
    await page.getByText('say why, so that others know').waitFor();
    await page.getByLabel('Why').fill('a browser test');
    await page.getByLabel('Who').fill('browser');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/\/alerts\/silences(\?|$)/);

    const [made] = await silencesOf(name);
    assert.deepEqual([made.comment, made.createdBy, made.status.state], ['a browser test', 'browser', 'active']);
    const hours = (Date.parse(made.endsAt) - Date.parse(made.startsAt)) / 3_600_000;
    assert.ok(Math.abs(hours - 4) < 0.05, `four hours, not ${hours}`);
    assert.deepEqual((await found(name))[0].status.silencedBy, [made.id]);

    await page.goto(`/alerts/active?filter=${encodeURIComponent(`alertname="${name}"`)}`);
    await row(page, name).getByRole('link', { name: 'silenced' }).click();
    await page.waitForURL(new RegExp(made.id));
    await page.getByLabel('Why').fill('a longer browser test');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.waitForURL(/\/alerts\/silences(\?|$)/);
    assert.deepEqual((await silencesOf(name)).map((s) => [s.id, s.comment]), [[made.id, 'a longer browser test']], 'changed in place');

    await row(page, name).getByRole('button', { name: 'Expire' }).click();
    await until('the silence to expire', async () => (await silencesOf(name))[0].status.state === 'expired');
    await page.getByRole('radio', { name: /^Expired/ }).click();
    await row(page, name).getByRole('link', { name: 'Recreate' }).click();
    await page.getByText('Recreate an expired silence').waitFor();
    assert.equal(await page.getByLabel('Who').inputValue(), 'browser', 'the author is remembered');
    await page.getByRole('button', { name: 'Silence', exact: true }).click();
    await page.waitForURL(/\/alerts\/silences(\?|$)/);
    assert.deepEqual((await silencesOf(name)).map((s) => s.status.state).sort(), ['active', 'expired']);
  } finally {
    await endSilences(name);
    await end();
  }
});

scenario('silences leave as a file and come back from it', async (page) => {
  const name = fresh('File');
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const silence = { matchers: [{ name: 'alertname', value: name, isRegex: false, isEqual: true }], startsAt: new Date().toISOString(), endsAt: until, createdBy: 'browser', comment: 'a file' };
  await send('POST', '/api/v2/silences', silence);
  try {
    await page.goto(`/alerts/silences?search=${name}`);
    await row(page, name).waitFor();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()]);
    const saved = JSON.parse(await readFile(await file.path(), 'utf8'));
    assert.deepEqual(saved.map((s) => s.comment), ['a file']);
    await endSilences(name);

    await page.getByRole('button', { name: 'Import' }).click();
    const dialog = page.getByRole('dialog', { name: 'Import silences' });
    await dialog.getByLabel('JSON').fill('[{"matchers": []}]');
    await dialog.getByText('silence 1: has no matchers').waitFor();
    await dialog.getByLabel('JSON').fill(JSON.stringify([...saved, { ...saved[0], endsAt: '2020-01-01T00:00:00Z' }]));
    await dialog.getByText('1 has ended and is left out').waitFor();
    await dialog.getByRole('button', { name: 'Import 1' }).click();
    await row(page, name).getByText('active').waitFor();
    assert.deepEqual((await silencesOf(name)).map((s) => s.status.state).sort(), ['active', 'expired']);
  } finally {
    await endSilences(name);
  }
});

scenario('an incident is acknowledged with a key, noted on, and counted at home', async (page) => {
  const name = fresh('Incident');
  const end = await fire(name);
  try {
    const incident = await incidentOf(name);
    await page.goto('/');
    await page.getByRole('link', { name: /open incidents?.*not acknowledged/ }).waitFor();

    await page.goto(`/alerts/incidents?search=${name}`);
    await page.locator(`[data-row="${incident.id}"]`).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await titled(page, 'Incident');
    await page.waitForURL((url) => url.pathname.endsWith(encodeURIComponent(incident.id)));

    await page.getByText('Firing', { exact: true }).first().waitFor();
    await page.keyboard.press('a');
    const form = page.getByRole('form', { name: 'Acknowledge' });
    await form.getByLabel('Your name').fill('browser');
    await form.getByLabel('Note (optional)').fill('looking at it');
    await page.keyboard.press('Enter');
    await page.getByText('acknowledged by browser').waitFor();
    await page.keyboard.press('n');
    await page.getByRole('form', { name: 'Note' }).getByRole('textbox', { name: 'Note' }).fill('mended by a test');
    await page.keyboard.press('Enter');
    await page.getByText('mended by a test').waitFor();

    const after = await ask(`/api/skopos/incidents/${encodeURIComponent(incident.id)}`);
    assert.deepEqual([after.state, after.acknowledgedBy], ['acknowledged', 'browser']);
    assert.ok(after.timeToAcknowledgeMs > 0);
    assert.ok(after.timeline.some((e) => e.kind === 'note' && e.text.includes('mended by a test')));
  } finally {
    await end();
  }
});

scenario('an alert that fires shows its evidence and its runbook', async (page) => {
  const [alert] = await until('the always-firing alert', async () => {
    const all = await found('Watchdog');
    return all.length > 0 && all;
  });
  const evidence = await until('its evidence', () => ask(`/api/skopos/evidence/${alert.fingerprint}`));
  await page.goto(`/alerts/active?filter=${encodeURIComponent('alertname="Watchdog"')}`);
  await page.locator(`[data-row="${alert.fingerprint}"]`).focus();
  await page.keyboard.press('e');
  await titled(page, 'Evidence');
  await page.waitForURL(new RegExp(alert.fingerprint));
  await page.locator('pre', { hasText: evidence.rule.expr.trim() }).first().waitFor();
  await page.getByRole('region', { name: 'Rule', exact: true }).getByText(alert.fingerprint).waitFor();
  await page.getByRole('region', { name: 'Runbook' }).getByRole('heading').nth(1).waitFor();

  await page.goto('/alerts?search=Watchdog');
  await page.getByRole('link', { name: 'Runbook' }).first().click();
  await titled(page, 'Runbook');
  await page.getByRole('region', { name: 'Runbook' }).getByRole('heading').nth(1).waitFor();
});

scenario('what is not there is told kindly', async (page) => {
  await page.goto('/alerts/evidence/0123456789abcdef');
  await page.getByText('No evidence of this alert').waitFor();
  await page.goto('/alerts/incidents/no-such-incident');
  await page.getByText('No such incident').waitFor();
  await page.goto('/alerts/silences/00000000-0000-4000-8000-000000000000');
  await page.getByText('No such silence').waitFor();
  assert.equal(await page.getByRole('alert').count(), 0, 'none of them is an error box');
}, { refused: true });

scenario('labels find their route, as the server says', async (page) => {
  const labels = { alertname: 'BrowserRoute', severity: 'critical', service: 'gateway', system: 'somaagent01' };
  const { matches } = await (await send('POST', '/api/skopos/routes/test', { labels })).json();
  assert.ok(matches.length > 0);
  await page.goto('/alerts/routing');
  await titled(page, 'Routing');
  await page.getByLabel('Labels', { exact: true }).fill(Object.entries(labels).map(([k, v]) => `${k}="${v}"`).join(', '));
  await until('the routes to light up', async () => (await page.getByText('takes it', { exact: true }).count()) === matches.length);
  for (const match of matches) await page.getByText(match.groupKey, { exact: true }).first().waitFor();
  await page.getByLabel('Labels', { exact: true }).fill('severity=~"critical"');
  await page.getByText(/labels have values: write severity="x"/).waitFor();
});

scenario('a receiver is tested from the page and the history has it with its payload', async (page) => {
  const { receivers } = await ask('/api/skopos/receivers');
  const receiver = receivers.find((r) => r.integrations.length > 0);
  assert.ok(receiver, 'a pack of the demo has a receiver that sends');
  await page.goto(`/alerts/routing?search=${encodeURIComponent(receiver.name)}`);
  const section = page.getByRole('region', { name: receiver.name, exact: true });
  await section.getByRole('button', { name: 'Send a test' }).click();
  await section.getByRole('list', { name: 'Results' }).getByRole('link', { name: 'what was sent' }).first().click();
  await titled(page, 'Notifications');
  await page.getByRole('button', { name: 'Copy payload' }).waitFor();
  const id = new URL(page.url()).searchParams.get('id');
  const kept = await ask(`/api/skopos/notifications/${id}`);
  assert.deepEqual([kept.receiver, kept.purpose], [receiver.name, 'test']);
  assert.ok(kept.payload.length > 0, 'the payload is kept');

  const failed = kept.outcome === 'failed';
  await page.goto('/alerts/notifications');
  await page.getByRole('radio', { name: failed ? 'Failed' : 'Delivered' }).click();
  await page.waitForURL(failed ? /outcome=failed/ : /outcome=delivered/);
  await page.locator(`[data-row="${id}"]`).waitFor();
  await page.getByRole('radio', { name: failed ? 'Delivered' : 'Failed' }).click();
  await page.locator(`[data-row="${id}"]`).waitFor({ state: 'detached' });
});
