// The logs page: fields, filters, columns, context, levels, live, numbers.

import assert from 'node:assert/strict';

import { scenario, until } from '../lib/scenario.mjs';

const ALL = '/explore/logs?from=now-1h&to=now&query=%7Bservice_name%3D~%22.%2B%22%7D';
const lines = (page) => page.getByTestId('log-lines').getByRole('listitem');
const count = async (page) => Number((await page.getByTestId('line-count').innerText()).replace(/[^\d]/g, ''));

scenario('a field filters the lines and becomes a column', async (page) => {
  await page.goto(ALL);
  await page.getByTestId('log-lines').getByRole('button', { name: 'Details of the line' }).first().click();
  await page.getByRole('button', { name: 'Column detected_level' }).first().click();
  await page.waitForURL(/col=detected_level/);
  await page.getByRole('button', { name: 'Hide column detected_level' }).waitFor();
  await page.getByRole('button', { name: 'Filter for service_name' }).first().click();
  await page.waitForURL((url) => /^\{service_name="[^"]+"\}$/.test(url.searchParams.get('query') ?? ''));
  await page.getByText('All lines').waitFor();
});

scenario('lines around a line are shown with it in their middle', async (page) => {
  await page.goto(ALL);
  await page.getByTestId('log-lines').getByRole('button', { name: 'Details of the line' }).nth(3).click();
  await page.getByRole('link', { name: 'Surrounding lines' }).click();
  await page.waitForURL(/at=\d{19}/);
  await page.getByTestId('log-lines').locator('.marked').first().waitFor();
});

scenario('the list loads on when scrolled and keeps few rows', async (page) => {
  await page.goto(`${ALL}&limit=50`);
  await lines(page).first().waitFor();
  const first = await count(page);
  assert.equal(first, 50, 'the demo has logged a page of lines');
  await until('the second page of lines', async () => {
    await page.locator('main').evaluate((main) => main.scrollTo(0, main.scrollHeight));
    return (await count(page)) > first;
  });
  assert.ok((await lines(page).count()) < 120, 'only rows in sight exist');
});

scenario('a metric query draws a graph and a table', async (page) => {
  await page.goto('/explore/logs?from=now-15m&to=now&query=sum+by+%28service_name%29+%28count_over_time%28%7Bservice_name%3D~%22.%2B%22%7D%5B1m%5D%29%29');
  await page.getByRole('region', { name: 'Graph' }).locator('canvas').waitFor();
  assert.ok((await page.getByRole('region', { name: 'Last values' }).locator('tbody tr').count()) > 0, 'the table has rows');
});

scenario('a drag over the histogram chooses its time', async (page) => {
  await page.goto(ALL);
  const chart = page.getByTestId('volume').locator('.u-over');
  await chart.waitFor();
  const box = await chart.boundingBox();
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.9, box.y + box.height / 2, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/from=\d{13}&to=\d{13}/);
});

scenario('labels are browsed to a selector', async (page) => {
  await page.goto('/explore/logs?from=now-1h&to=now');
  await page.getByRole('button', { name: 'Labels' }).click();
  const dialog = page.getByRole('dialog', { name: 'Choose streams by label' });
  await dialog.getByRole('button', { name: 'service_name' }).click();
  await dialog.getByRole('button', { name: 'skopos', exact: true }).click();
  await dialog.getByRole('button', { name: 'Show logs' }).click();
  await page.waitForURL((url) => url.searchParams.get('query') === '{service_name="skopos"}');
  await lines(page).first().waitFor();
});

scenario('live lines arrive without a reload', async (page) => {
  await page.goto('/explore/logs?from=now-15m&to=now&query=%7Bservice_name%3D~%22.%2B%22%7D');
  await lines(page).first().waitFor();
  await page.getByRole('button', { name: 'Live' }).click();
  await page.waitForURL(/refresh=5s/);
  const newest = await lines(page).first().getAttribute('data-key');
  await until('a newer line on top', async () => (await lines(page).first().getAttribute('data-key')) !== newest);
});

scenario('lines are taken away as CSV', async (page) => {
  await page.goto(ALL);
  await lines(page).first().waitFor();
  await page.getByRole('button', { name: 'Download' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'CSV' }).click()]);
  const stream = await download.createReadStream();
  let text = '';
  for await (const chunk of stream) text += chunk;
  assert.match(text, /^time,level,/);
  assert.ok(text.split('\r\n').length > 1, 'the file has lines');
});
