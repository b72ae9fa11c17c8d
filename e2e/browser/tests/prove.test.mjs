// Proofs, dead rules, coverage and backtests.

import assert from 'node:assert/strict';

import { ask, scenario, titled, until } from '../lib/scenario.mjs';

/** Alerting rules that are loaded. */
async function alertingRules() {
  const { data } = await ask('/api/v1/rules');
  const rules = data.groups.flatMap((g) => g.rules).filter((r) => r.type === 'alerting');
  assert.ok(rules.length > 0, 'the demo loads alerting rules');
  return rules;
}

scenario('a key proves all rules; a proof shows its witness and its message', async (page) => {
  const rules = await alertingRules();
  await page.goto('/alerts/prove');
  await titled(page, 'Prove');
  await page.getByRole('button', { name: 'Prove now' }).waitFor();
  await page.keyboard.press('p');
  await until('a report of every rule', async () => (await ask('/api/skopos/prove')).report?.rules.length === rules.length, 120_000);
  const { report } = await ask('/api/skopos/prove');
  await page.getByRole('button', { name: new RegExp(`^proven ${report.counts.proven} `) }).waitFor();

  await page.getByRole('button', { name: /^proven \d+ / }).click();
  await page.waitForURL(/verdict=proven/);
  const proven = report.rules.find((r) => r.verdict === 'proven' && r.witness.length > 0);
  await page.getByRole('searchbox').fill(proven.name);
  await page.locator('main [data-row]').first().click();
  await page.waitForURL(/open=/);
  await page.getByText('input_series:').waitFor();
  await page.locator('main canvas').first().waitFor();
  assert.ok((await page.locator('main pre').first().innerText()).includes(proven.witness[0].series.slice(0, 20)), 'the witness is there as text');
  await page.getByText(proven.message.title, { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Payload' }).click();
  await page.reload();
  await page.getByText('input_series:').waitFor();
});

scenario('a drill asks before it sends', async (page) => {
  const [rule] = await alertingRules();
  const sent = [];
  page.on('request', (request) => request.url().includes('/api/skopos/drill') && sent.push(request.method()));
  await until('a report', async () => (await ask('/api/skopos/prove')).report ?? (await page.request.post('/api/skopos/prove')).ok());
  await page.goto(`/alerts/prove?search=${rule.name}`);
  await page.locator('main [data-row]', { hasText: rule.name }).first().click();
  await page.getByRole('button', { name: 'Drill' }).click();
  const dialog = page.getByRole('dialog', { name: `Drill ${rule.name}` });
  await dialog.getByText('somebody\'s phone may ring').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual(sent, [], 'nothing was sent');
});

scenario('dead selectors and unread metrics are listed and found', async (page) => {
  const dead = await ask('/api/skopos/dead');
  await page.goto('/alerts/prove/dead');
  await titled(page, 'Dead and unread');
  await page.getByRole('region', { name: 'Dead rules' }).waitFor();
  assert.equal(await page.getByRole('region', { name: 'Dead rules' }).locator('article').count(), dead.rules.length);
  const [unread] = dead.unread;
  await page.getByRole('searchbox').fill(unread.metric);
  await page.getByRole('region', { name: 'Unread metrics' }).getByRole('link', { name: unread.metric, exact: true }).click();
  await titled(page, 'Explore metrics');
});

scenario('the coverage matrix shows gaps and who is told', async (page) => {
  const coverage = await ask('/api/skopos/coverage');
  assert.ok(coverage.services.length > 0, 'the demo has services');
  await page.goto('/alerts/prove/coverage');
  await titled(page, 'Coverage');
  const row = coverage.services.find((s) => s.cells.some((c) => c.rules.length > 0));
  const cell = row.cells.find((c) => c.rules.length > 0);
  await page.getByRole('button', { name: new RegExp(`^${row.service}, ${cell.mode}: `) }).click();
  await page.waitForURL(/cell=/);
  await page.getByRole('region', { name: `${row.service}, ${cell.mode}` }).getByRole('link', { name: cell.rules[0].name }).first().waitFor();
  const cells = coverage.services.length * coverage.modes.length;
  const watched = coverage.services.flatMap((s) => s.cells).filter((c) => c.rules.length > 0).length;
  assert.equal(await page.getByRole('button', { name: /: gap$/ }).count(), cells - watched, 'every gap is visible');
});

scenario('a backtest runs a pasted rule over history and sweeps its threshold', async (page) => {
  const rules = 'groups: [{name: try, rules: [{alert: AlwaysUp, expr: up > 0}]}]';
  await until('some history', async () => (await ask('/api/v1/query?query=up')).data.result.length > 0);
  await page.goto(`/alerts/prove/backtest?from=now-1h&to=now&yaml=${encodeURIComponent(rules)}&sweep=${encodeURIComponent('0.5, 2')}`);
  await titled(page, 'Backtest');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const card = page.getByRole('region', { name: 'AlwaysUp' });
  await card.getByRole('img', { name: 'When it would have fired' }).waitFor();
  const columns = card.getByRole('list', { name: 'Firings by threshold' }).getByRole('listitem');
  await until('three columns: the sweep and the rule itself', async () => (await columns.count()) === 3);
  assert.match(await columns.last().getAttribute('title'), /^at 2: 0 times/, 'nothing is up twice');

  await page.getByRole('radio', { name: 'Loaded rule' }).click();
  const [loaded] = await alertingRules();
  await page.getByLabel('Rule', { exact: true }).selectOption(loaded.name);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.getByRole('region', { name: loaded.name }).waitFor();
});

scenario('a backtest that cannot be read says where', async (page) => {
  await page.goto(`/alerts/prove/backtest?yaml=${encodeURIComponent('groups: [{name: try, rules: [{alert: Bad, expr: "up >"}]}]')}`);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.getByRole('alert').getByText(/parse error|unexpected/i).first().waitFor();
}, { refused: true });
