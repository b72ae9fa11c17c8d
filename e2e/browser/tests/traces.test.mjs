// The page of one trace: keyboard, search within, views, zoom.

import assert from 'node:assert/strict';

import { fullTrace } from '../lib/demo.mjs';
import { scenario, titled } from '../lib/scenario.mjs';

async function openTrace(page) {
  const { id } = await fullTrace();
  await page.goto(`/explore/traces/${id}`);
  await page.getByTestId('span-row').first().waitFor();
  return id;
}

scenario('a pasted id opens its trace', async (page) => {
  const { id } = await fullTrace();
  await page.goto('/explore/traces');
  await page.getByLabel('Trace id').fill(` ${id} `);
  await page.getByRole('form', { name: 'Open a trace' }).getByRole('button', { name: 'Open' }).click();
  await page.waitForURL(new RegExp(`/explore/traces/${id}`));
  await page.getByTestId('span-row').first().waitFor();
});

scenario('keys walk, fold and open spans', async (page) => {
  await openTrace(page);
  const rows = page.getByTestId('span-row');
  const before = await rows.count();
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction((n) => document.querySelectorAll('[data-testid="span-row"]').length < n, before);
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction((n) => document.querySelectorAll('[data-testid="span-row"]').length === n, before);
  await page.keyboard.press('Enter');
  await page.getByTestId('span-details').getByText('Attributes').waitFor();
  assert.match(page.url(), /span=[0-9a-f]{16}/);
});

scenario('spans are found and the address keeps the search', async (page) => {
  await openTrace(page);
  await page.keyboard.press('/');
  await page.keyboard.type('tool-executor');
  await page.getByText(/\d+ match/).waitFor();
  await page.waitForURL(/find=tool-executor/);
  await page.reload();
  assert.equal(await page.getByLabel('Find spans').inputValue(), 'tool-executor');
});

scenario('a trace has four views', async (page) => {
  await openTrace(page);
  for (const [name, proof] of [['Flame', page.getByTestId('flame')], ['Table', page.getByRole('button', { name: 'Sort by Duration' })], ['Statistics', page.getByText('Share of self time')], ['Timeline', page.getByTestId('waterfall')]]) {
    await page.getByRole('radio', { name }).click();
    await proof.waitFor();
  }
});

scenario('a drag over the overview zooms and a button returns', async (page) => {
  await openTrace(page);
  const box = await page.getByTestId('minimap').boundingBox();
  await page.mouse.move(box.x + box.width * 0.1, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL(/zoom=\d+-\d+/);
  await page.getByRole('button', { name: 'Whole trace' }).click();
  await page.waitForURL((url) => !url.searchParams.has('zoom'));
});

scenario('the form refuses what cannot be a duration or an attribute', async (page) => {
  await page.goto('/explore/traces');
  await titled(page, 'Explore traces');
  await page.getByLabel('Shortest').fill('soon');
  await page.getByRole('alert').getByText(/duration/).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Search', exact: true }).isDisabled());
  await page.getByLabel('Shortest').fill('1ms');
  await page.getByLabel('Attributes').fill('stray');
  await page.getByRole('alert').getByText(/key=value/).waitFor();
});

scenario('a trace with an open span fits 1024 pixels', async (page) => {
  const { id, span } = await fullTrace();
  await page.goto(`/explore/traces/${id}?span=${span.id}`);
  await page.getByTestId('span-logs').getByRole('listitem').first().waitFor();
  const wide = await page.evaluate(() => [document.documentElement, document.querySelector('main')].map((e) => e.scrollWidth - e.clientWidth));
  assert.deepEqual(wide, [0, 0], 'nothing scrolls sideways');
}, { size: { width: 1024, height: 800 } });
