// The walk of the main job: Home, dashboard, metrics, traces, waterfall, logs of a span, logs of a trace.

import assert from 'node:assert/strict';

import { firstDashboard, fullTrace, SERVICES } from '../lib/demo.mjs';
import { PATIENCE_MS, scenario, until } from '../lib/scenario.mjs';

const nav = (page, name) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true });
/** The page's panels are regions under their titles. */
const panelOf = (page, title) => page.getByRole('region', { name: title, exact: true });

scenario('Home lists the services of the demo', async (page) => {
  await page.goto('/');
  const services = page.getByRole('region', { name: 'Services' });
  for (const name of SERVICES) await services.getByRole('link', { name, exact: true }).first().waitFor();
  await services.getByRole('link', { name: 'Traces of gateway' }).click();
  await page.waitForURL(/\/explore\/traces\?.*service=gateway/);
  await page.getByRole('list', { name: 'Traces' }).getByRole('link').first().waitFor();
});

scenario('every panel of the dashboard has data', async (page) => {
  const board = await firstDashboard();
  await page.goto('/');
  await nav(page, 'Dashboards').click();
  await page.getByRole('link', { name: board.title }).click();
  for (const folded of await page.locator('main button[aria-expanded="false"].rowhead').all()) await folded.click();
  assert.ok(board.panels.length > 0, 'the dashboard has panels');
  for (const { title } of board.panels) {
    const panel = panelOf(page, title).first();
    await panel.scrollIntoViewIfNeeded();
    await until(`data in panel “${title}”`, async () => {
      const text = await panel.innerText();
      const busy = await panel.locator('[aria-busy="true"]').count();
      assert.ok(busy === 0 && !/No data/i.test(text) && (await panel.getByRole('alert').count()) === 0, text);
      return (await panel.locator('canvas, table, svg:not([width="13"]):not([width="14"])').count()) > 0 || /\d/.test(text.replace(title, ''));
    });
  }
});

scenario('a panel leads to its query in Explore', async (page) => {
  const board = await firstDashboard();
  const panel = board.panels.find((p) => p.type === 'timeseries') ?? board.panels[0];
  await page.goto(`/dashboards/${encodeURIComponent(board.uid)}`);
  const region = panelOf(page, panel.title).first();
  await region.scrollIntoViewIfNeeded();
  await region.getByRole('button', { name: `Menu of ${panel.title}` }).click();
  await page.getByRole('menuitem', { name: 'Explore this query' }).click();
  await page.waitForURL(/\/explore\/metrics\?/);
  const graph = page.getByRole('region', { name: 'Graph' });
  await graph.locator('canvas').waitFor();
  assert.ok((await graph.locator('tbody tr').count()) > 0, 'the legend lists series');
});

scenario('from a search to a trace, its spans and their logs', async (page) => {
  const { id, span } = await fullTrace();
  await page.goto('/explore/traces?from=now-1h&to=now&limit=500');
  await page.getByRole('combobox', { name: 'Service', exact: true }).selectOption('gateway');
  await page.waitForURL(/service=gateway/);
  const list = page.getByRole('list', { name: 'Traces' });
  const row = list.getByRole('link').filter({ hasText: SERVICES[1] }).filter({ hasText: SERVICES[2] }).first();
  await row.waitFor();
  assert.ok((await page.getByTestId('scatter').getByRole('link').count()) > 0, 'the plot has dots');
  await row.click();
  await page.waitForURL(/\/explore\/traces\/[0-9a-f]+/);
  for (const name of SERVICES) await page.getByTestId('waterfall').getByText(name).first().waitFor();

  await page.goto(`/explore/traces/${id}`);
  await page.getByRole('button', { name: `${span.service}: ${span.name}`, exact: true }).first().waitFor();
  await page.goto(`/explore/traces/${id}?span=${span.id}`);
  const logs = page.getByTestId('span-logs');
  await logs.getByRole('listitem').first().waitFor();
  assert.ok(page.url().includes(span.id), 'the address keeps the span');

  await page.getByRole('link', { name: 'Logs of the trace' }).click();
  await page.waitForURL(/\/explore\/logs\?/);
  await page.getByTestId('log-lines').getByRole('button', { name: 'Details of the line' }).first().click();
  await page.getByTestId('log-lines').getByRole('link', { name: id.padStart(32, '0') }).first().waitFor();
  await page.getByTestId('log-lines').getByRole('link', { name: 'Open trace' }).click();
  await page.waitForURL(new RegExp(`/explore/traces/${id.padStart(32, '0')}|/explore/traces/${id}`));
  await page.getByTestId('span-row').first().waitFor({ timeout: PATIENCE_MS });
});
