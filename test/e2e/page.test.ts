// The page on the whole system: live from the simulator through the edge, honest when the edge is gone, back by itself.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { TRADER } from '../../dev/demo-users.ts';
import { type Stack, startStack } from '../../dev/stack.ts';
import { launchBrowser, openPage, type WatchedPage } from '../support/browser.ts';
import { WatchlistPage } from '../support/watchlist-page.ts';

const NIFTY = 256265;
const RELIANCE = 738561;
const INFY = 408065;
/** An instrument token that no day has. */
const NO_INSTRUMENT = 4_294_967_041;

let dataDir: string;
let stack: Stack;
let browser: Browser;
let watched: WatchedPage;
let watchlist: WatchlistPage;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ticker-edge-page-'));
  [stack, browser] = await Promise.all([
    startStack({ dataDir, durable: false, instrumentsCount: 100, rate: 2 }),
    launchBrowser(),
  ]);
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

beforeEach(async () => {
  watched = await openPage(browser);
  watchlist = new WatchlistPage(watched.page);
});
afterEach(async () => {
  await watched.close();
  expect(watched.problems).toEqual([]);
});

test('the default watchlist goes live, its rows change in place, and the token leaves the address bar', async () => {
  await watched.page.goto(`${stack.info.url}/#token=${stack.info.token}`);
  for (const token of await watchlist.tokens()) await watchlist.untilLive(token);
  expect(watched.page.url()).toBe(`${stack.info.url}/`);
  expect(await watched.page.locator('#user').textContent()).toBe(TRADER.email);
  expect(await watchlist.cell(NIFTY, 'symbol').textContent()).toContain('NIFTY 50');
  const row = await watchlist.row(NIFTY).elementHandle();
  const price = watchlist.cell(NIFTY, 'last-price');
  const before = await price.textContent();
  expect(before).toMatch(/^\d{1,2}(,\d\d)*,\d{3}\.\d\d$/);
  await expect.poll(() => price.textContent(), { timeout: 20_000 }).not.toBe(before);
  expect(await row?.evaluate((element) => element.isConnected)).toBe(true);
});

test('instruments are added and removed while others stream, and an unknown one says why', async () => {
  await watchlist.useTokens([NIFTY]);
  await watched.page.goto(`${stack.info.url}/#token=${stack.info.token}`);
  await watchlist.untilLive(NIFTY);
  await watchlist.add(`${INFY} ${NO_INSTRUMENT}`);
  await watchlist.untilLive(INFY);
  await watchlist.row(NO_INSTRUMENT).getByText('no such instrument today').waitFor();
  await watchlist.row(NIFTY).focus();
  await watched.page.keyboard.press('Delete');
  expect(await watchlist.tokens()).toEqual([INFY, NO_INSTRUMENT]);
});

test('when the edge dies the whole table is marked as not live, and is current again without a reload', async () => {
  await watchlist.useTokens([NIFTY, RELIANCE]);
  await watched.page.goto(`${stack.info.url}/#token=${stack.info.token}`);
  await watchlist.untilLive(NIFTY);
  await watchlist.untilLive(RELIANCE);
  await watched.page.evaluate(() => Object.assign(globalThis, { isSamePage: true }));
  const back = stack.nextReady('workerd');
  stack.kill('workerd');
  await watchlist.untilNotLive();
  expect(await watchlist.row(NIFTY).getAttribute('data-state')).toBe('held');
  await back;
  await watchlist.untilLive(NIFTY);
  await watchlist.untilLive(RELIANCE);
  expect(await watched.page.evaluate(() => 'isSamePage' in globalThis)).toBe(true);
});

test('when the exchange falls silent behind a good connection, the table is not live, and says so', async () => {
  await watchlist.useTokens([NIFTY]);
  await watched.page.goto(`${stack.info.url}/#token=${stack.info.token}`);
  await watchlist.untilLive(NIFTY);
  const simulator = stack.pid('simulator') as number;
  process.kill(simulator, 'SIGSTOP');
  try {
    await watchlist.untilNotLive();
    await watched.page.getByText('Not live: the server has no connection to the exchange').waitFor();
  } finally {
    process.kill(simulator, 'SIGCONT');
  }
  await watched.page.locator('table[data-live="true"]').waitFor();
  await watchlist.untilLive(NIFTY);
});

test('a token that is refused leads to the sign-in with the reason, and the sign-in goes live', async () => {
  const expired = await stack.mint({ expiresInS: -60 });
  await watchlist.useTokens([NIFTY]);
  await watched.page.goto(`${stack.info.url}/#token=${expired}`);
  await watched.page.getByText('Token expired').waitFor();
  expect(watched.page.url()).toBe(`${stack.info.url}/`);
  await watched.page.getByLabel('Email').fill(TRADER.email ?? '');
  await watched.page.getByLabel('Password').fill(TRADER.password);
  await watched.page.getByRole('button', { name: 'Sign in' }).click();
  await watchlist.untilLive(NIFTY);
});
