// What holds on every page: palette, theme, history, addresses, keyboard, width.

import assert from 'node:assert/strict';

import { scenario, titled } from '../lib/scenario.mjs';

const PAGES = [
  ['/', 'Home'], ['/dashboards', 'Dashboards'], ['/explore/metrics?q=up', 'Explore metrics'], ['/explore/logs?query=%7Bservice_name%3D~%22.%2B%22%7D', 'Explore logs'],
  ['/explore/traces', 'Explore traces'], ['/alerts', 'Alerts'], ['/alerts/active', 'Active alerts'], ['/alerts/incidents', 'Incidents'],
  ['/alerts/silences', 'Silences'], ['/alerts/silences/new', 'Silence'], ['/alerts/notifications', 'Notifications'], ['/alerts/routing', 'Routing'], ['/alerts/prove', 'Prove'],
  ['/alerts/prove/dead', 'Dead and unread'], ['/alerts/prove/coverage', 'Coverage'], ['/alerts/prove/backtest', 'Backtest'], ['/dlq', 'Dead letters'], ['/targets', 'Targets'], ['/status', 'Status'], ['/connect', 'Connect'],
];

scenario('the palette opens with Ctrl+K and goes to a page', async (page) => {
  await page.goto('/status');
  await titled(page, 'Status');
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Go to' });
  await palette.getByRole('combobox').fill('explore logs');
  await palette.getByRole('option', { name: /^Explore logs/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/explore\/logs/);
  await titled(page, 'Explore logs');
  assert.equal(await page.getByRole('dialog').count(), 0, 'the palette has closed');
});

scenario('the palette and the help sheet know what the page can do', async (page) => {
  await page.goto('/explore/logs');
  await titled(page, 'Explore logs');
  await page.getByLabel('LogQL query').waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('Wrap lines').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog', { name: 'Go to' }).getByRole('combobox').fill('choose streams');
  await page.getByRole('option', { name: /^Choose streams by label/ }).click();
  await page.getByRole('dialog', { name: 'Choose streams by label' }).waitFor();
});

scenario('dark and light toggle and persist', async (page) => {
  const shown = () => page.evaluate(() => document.documentElement.dataset.theme);
  const is = (theme) => page.waitForFunction((t) => document.documentElement.dataset.theme === t, theme);
  await page.goto('/connect');
  await titled(page, 'Connect');
  const before = await shown();
  const other = before === 'dark' ? 'light' : 'dark';
  await page.keyboard.press('y');
  await is(other);
  await page.reload();
  await titled(page, 'Connect');
  assert.equal(await shown(), other, 'a reload keeps the theme');
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.keyboard.press('y');
  await is(before);
  await page.waitForFunction((old) => getComputedStyle(document.body).backgroundColor !== old, background);
});

scenario('a reload keeps the state and back returns to the one before', async (page) => {
  await page.goto('/explore/logs?from=now-1h&to=now&query=%7Bservice_name%3D~%22.%2B%22%7D');
  await page.getByTestId('line-count').waitFor();
  await page.getByRole('radio', { name: 'Oldest first' }).click();
  await page.waitForURL(/order=oldest/);
  await page.reload();
  await page.getByRole('radio', { name: 'Oldest first', checked: true }).waitFor();
  assert.match(await page.getByLabel('LogQL query').innerText(), /service_name=~"\.\+"/);
  assert.match(page.url(), /from=now-1h/);
  await page.goBack();
  await page.getByRole('radio', { name: 'Newest first', checked: true }).waitFor();
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Traces', exact: true }).click();
  await titled(page, 'Explore traces');
  assert.match(page.url(), /from=now-1h/, 'the time range travels along');
  await page.goBack();
  await titled(page, 'Explore logs');
});

scenario('keys lead to the pages', async (page) => {
  await page.goto('/status');
  await titled(page, 'Status');
  for (const [key, title] of [['t', 'Explore traces'], ['l', 'Explore logs'], ['m', 'Explore metrics'], ['a', 'Alerts'], ['i', 'Incidents'], ['x', 'Silences'], ['p', 'Prove'], ['h', 'Home']]) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await titled(page, title);
  }
});

for (const [path, title] of PAGES) {
  scenario(`${title} renders and fits 1024 pixels`, async (page) => {
    await page.goto(path);
    await titled(page, title);
    await page.locator('main .page, main .board').first().waitFor();
    await page.waitForFunction(() => document.querySelectorAll('main [aria-busy="true"]').length === 0);
    assert.ok((await page.locator('main').innerText()).trim().length > 40, 'the page says something');
    const wide = await page.evaluate(() => [document.documentElement, document.querySelector('main')].map((e) => e.scrollWidth - e.clientWidth));
    assert.deepEqual(wide, [0, 0], 'nothing scrolls sideways');
    assert.equal(await page.locator('main').getByRole('alert').count(), 0, 'nothing failed');
  }, { size: { width: 1024, height: 800 } });
}
