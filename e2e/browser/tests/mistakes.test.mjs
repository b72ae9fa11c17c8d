// Mistakes are told with their place, and the page goes on.

import assert from 'node:assert/strict';

import { scenario, titled } from '../lib/scenario.mjs';

scenario('a wrong PromQL expression names the position', async (page) => {
  await page.goto('/explore/metrics?q=sum(up');
  await titled(page, 'Explore metrics');
  assert.match(await page.locator('main').getByRole('alert').first().innerText(), /1:\d+: parse error/);
  const editor = page.getByLabel('Query A');
  await editor.fill('sum(up)');
  await editor.press('Enter');
  await page.getByRole('region', { name: 'Graph' }).locator('canvas').waitFor();
  assert.equal(await page.locator('main').getByRole('alert').count(), 0, 'the error is gone');
}, { refused: true });

scenario('a wrong LogQL query names the position and underlines it', async (page) => {
  await page.goto('/explore/logs?query=%7Bservice_name%3D~%22.%2B%22%7D+%7C%3D+%7C+json');
  await titled(page, 'Explore logs');
  assert.match(await page.locator('main').getByRole('alert').first().innerText(), /line 1, col 25/);
  await page.locator('.cm-lintRange-error').waitFor();
  const editor = page.getByLabel('LogQL query');
  await editor.fill('{service_name=~".+"}');
  await editor.press('Enter');
  await page.getByTestId('log-lines').getByRole('listitem').first().waitFor();
  assert.equal(await page.locator('main').getByRole('alert').count(), 0, 'the error is gone');
}, { refused: true });

scenario('an unknown trace and a text that is no id say so', async (page) => {
  await page.goto('/explore/traces/0000000000000000000000000000abcd');
  await page.getByText('This trace is not stored').waitFor();
  await page.goto('/explore/traces/hello');
  await page.getByText('This is no trace id').waitFor();
  await page.getByRole('link', { name: 'Search traces' }).click();
  await titled(page, 'Explore traces');
}, { refused: true });

scenario('a search without results offers ways on', async (page) => {
  await page.goto('/explore/traces?service=gateway&tags=no.such.key%3D1');
  await page.getByRole('button', { name: 'Drop the filters' }).click();
  await page.getByRole('list', { name: 'Traces' }).getByRole('link').first().waitFor();
  assert.doesNotMatch(page.url(), /tags=/);
});
