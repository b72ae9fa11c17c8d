// One test in a browser of its own context: it fails on what the page itself would hide (errors on the console, requests
// that fail), and leaves a picture behind when it fails.
//
// SKOPOS_URL        where Skopos runs, for example http://127.0.0.1:9090
// CHROMIUM          the browser; /usr/bin/chromium unless given
// SCREENSHOT_DIR    where pictures of failed tests go; nowhere unless given

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';

import { chromium } from 'playwright-core';

/** Longest wait for something to appear. Fresh demos need a while until rates have two samples. */
export const PATIENCE_MS = 60_000;
const TEST_MS = 240_000;
const SIZE = { width: 1440, height: 900 };

export const base = (process.env.SKOPOS_URL ?? '').replace(/\/$/, '');
let browser;

async function launched() {
  assert.ok(base, 'set SKOPOS_URL to the address of a running `skopos demo`');
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  return browser;
}

after(async () => {
  await browser?.close();
});

/**
 * @param {string} name
 * @param {(page: import('playwright-core').Page) => Promise<void>} body
 * @param {{ refused?: boolean, size?: {width: number, height: number} }} options `refused`: the test asks what the server must refuse
 */
export function scenario(name, body, { refused = false, size = SIZE } = {}) {
  test(name, { timeout: TEST_MS }, async () => {
    const context = await (await launched()).newContext({ viewport: size, baseURL: base, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const complaints = listen(page, refused);
    try {
      await body(page);
      assert.deepEqual(complaints, [], 'the page had errors');
    } catch (cause) {
      await picture(page, name);
      throw cause;
    } finally {
      await context.close();
    }
  });
}

function listen(page, refused) {
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    const expected = refused && /Failed to load resource: .*\b40[04]\b/.test(message.text());
    if (message.type() === 'error' && !expected) complaints.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 500) complaints.push(`${response.status()} ${response.url()}`);
  });
  page.on('requestfailed', (request) => {
    // The page aborts what a newer question has overtaken.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') complaints.push(`${request.failure()?.errorText} ${request.url()}`);
  });
  return complaints;
}

async function picture(page, name) {
  const folder = process.env.SCREENSHOT_DIR;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name.replace(/[^\w]+/g, '-')}.png`) }).catch((error) => console.error(`no picture: ${error.message}`));
}

/** Asks Skopos directly, as a client would. */
export async function ask(pathAndQuery) {
  const response = await fetch(base + pathAndQuery);
  assert.ok(response.ok, `${response.status} for ${pathAndQuery}: ${response.ok ? '' : await response.text()}`);
  return response.json();
}

/** Asks again until the answer is truthy; the answer. */
export async function until(what, question, patienceMs = PATIENCE_MS) {
  const end = Date.now() + patienceMs;
  let last;
  for (;;) {
    try {
      const answer = await question();
      if (answer) return answer;
    } catch (cause) {
      last = cause;
    }
    if (Date.now() > end) throw new Error(`waited ${patienceMs / 1000} s for ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** The page's own title of a route, as the tab shows it. */
export const titled = (page, text) => page.waitForFunction((wanted) => document.title.includes(wanted), text);
