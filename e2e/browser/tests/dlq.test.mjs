// Dead letters of the demo: poisoned by its own fault, looked at, replayed, discarded.

import assert from 'node:assert/strict';

import { send } from '../lib/alerting.mjs';
import { ask, scenario, titled, until } from '../lib/scenario.mjs';

const FAULT = 'somaagent01-poison';
const fault = (active) => send('POST', `/api/skopos/fleet/faults/${FAULT}`, { active });
const list = (query = '') => ask(`/api/skopos/dlq?limit=50${query}`);

/** Letters that wait; the demo's clients write one now and then, the fault four a second. */
async function letters(count) {
  if ((await list()).matched >= count) return;
  await fault(true);
  try {
    await until(`${count} dead letters`, async () => (await list()).matched >= count);
  } finally {
    await fault(false);
  }
}

scenario('a letter is found by topic and reason, and shown with its event, error and trace', async (page) => {
  await letters(3);
  await page.goto('/');
  await page.keyboard.press('g');
  await page.keyboard.press('q');
  await titled(page, 'Dead letters');
  const { reasons } = await list();
  const { source_topic: topic, error_type: type } = reasons[0];
  await page.getByRole('region', { name: 'By reason' }).getByRole('link', { name: type }).first().click();
  await page.waitForURL((url) => url.searchParams.get('topic') === topic && url.searchParams.get('error_type') === type);
  assert.equal(await page.getByLabel('Error type').inputValue(), type);

  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.searchParams.get('id')?.startsWith(`${topic}.dlq/`));
  const id = new URL(page.url()).searchParams.get('id');
  const letter = await ask(`/api/skopos/dlq/${id}`);
  await page.getByText(letter.error_message).last().waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Copy event' }).waitFor();
  await page.getByRole('link', { name: 'Trace', exact: true }).click();
  await page.waitForURL(new RegExp(`/explore/traces/${letter.trace_id}`));

  await page.goto('/dlq?text=no+letter+says+this');
  await page.getByText('No dead letter fits the filter').waitFor();
  await page.getByRole('link', { name: 'Show them' }).click();
  await page.waitForURL((url) => !url.searchParams.has('text'));
});

scenario('a letter is discarded with a reason, others are picked and replayed', async (page) => {
  await letters(3);
  await page.goto('/dlq');
  await titled(page, 'Dead letters');
  const first = page.locator('[data-row]').first();
  await first.waitFor();
  await page.keyboard.press('j');
  const id = await page.evaluate(() => document.activeElement?.dataset.row);
  await page.keyboard.press('d');
  const dialog = page.getByRole('dialog', { name: 'Discard 1 dead letter' });
  const button = dialog.getByRole('button', { name: 'Discard 1 dead letter' });
  await dialog.getByLabel('Who').fill('browser');
  assert.ok(await button.isDisabled(), 'a discard needs a reason');
  await dialog.getByLabel('Why').fill('a browser test');
  await button.click();
  await dialog.getByText('1 of 1 discarded').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  const { settled } = await ask(`/api/skopos/dlq/${id}`);
  assert.deepEqual([settled.action, settled.by, settled.reason], ['discarded', 'browser', 'a browser test']);
  await page.locator(`[data-row="${id}"]`).waitFor({ state: 'detached' });

  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.getByRole('button', { name: 'Replay 2' }).click();
  const replay = page.getByRole('dialog', { name: 'Replay 2 dead letters' });
  assert.equal(await replay.getByLabel('Who').inputValue(), 'browser', 'the name is remembered');
  await page.keyboard.press('Enter');
  await replay.getByText('2 of 2 replayed').waitFor();
  await page.keyboard.press('Escape');

  // What cannot be read fails again, and says that it was replayed.
  await until('the replayed ones to come back', async () => (await list()).letters.filter((l) => l.replay_count > 0).length >= 2);
  await page.getByRole('radio', { name: /^Settled/ }).click();
  await page.waitForURL((url) => url.searchParams.get('state') === 'settled');
  await page.locator(`[data-row="${id}"]`).waitFor();
});

scenario('a fault is switched from the home page', async (page) => {
  const isOn = async () => (await ask('/api/skopos/fleet')).faults.find((f) => f.name === FAULT).active;
  await page.goto('/');
  const card = page.getByRole('region', { name: 'Faults of the demo' });
  await card.getByLabel('Fault').selectOption(FAULT);
  await card.getByText(/unreadable|HighDeadLetters/).first().waitFor();
  await card.getByRole('button', { name: 'Switch on' }).click();
  const off = card.getByRole('button', { name: `Switch ${FAULT} off` });
  try {
    await off.waitFor();
    assert.equal(await isOn(), true);
  } finally {
    if (await isOn()) await off.click();
  }
  await off.waitFor({ state: 'detached' });
  assert.equal(await isOn(), false);
});
