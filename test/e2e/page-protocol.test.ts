// The page against an edge that does what the test says: what it shows, what it sends, and what it never shows as new.
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchBrowser, openPage, type WatchedPage } from '../support/browser.ts';
import { GOOD_PASSWORD, GOOD_TOKEN, ScriptedEdge } from '../support/scripted-edge.ts';
import { WatchlistPage } from '../support/watchlist-page.ts';

const NIFTY = 256265;
const RELIANCE = 738561;
const INFY = 408065;
const OPTION = 12_345_858;
const USDINR = 412_675;

interface Fields {
  readonly [name: string]: unknown;
}

function tickOf(token: number, fields: Fields = {}): Fields {
  return {
    instrument_token: token,
    tradingsymbol: `SYM${token}`,
    exchange: 'NSE',
    mode: 'full',
    last_price: 100,
    received_at: new Date().toISOString(),
    seq: 1,
    ...fields,
  };
}

let browser: Browser;
let edge: ScriptedEdge;
let watched: WatchedPage;
let watchlist: WatchlistPage;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

beforeEach(async () => {
  edge = await ScriptedEdge.start();
  watched = await openPage(browser);
  watchlist = new WatchlistPage(watched.page);
});
afterEach(async () => {
  await watched.close();
  await edge.stop();
  expect(watched.problems).toEqual([]);
});

async function open(tokens: readonly number[], hash = `#token=${GOOD_TOKEN}`): Promise<void> {
  await watchlist.useTokens(tokens);
  await watched.page.goto(`${edge.url}/${hash}`);
}

async function openConnected(tokens: readonly number[]): Promise<void> {
  await open(tokens);
  await expect.poll(() => edge.tokensOf('subscribe')).toEqual([tokens]);
}

test('every field of a full tick is shown, with four decimals for currency and nothing for what is absent', async () => {
  const exchangeTime = new Date(Math.floor(Date.now() / 1000) * 1000);
  const time = exchangeTime.toLocaleTimeString('en-GB', { timeZone: 'Asia/Kolkata' });
  edge.snapshots.set(
    OPTION,
    tickOf(OPTION, {
      tradingsymbol: 'NIFTY25N2526000CE',
      exchange: 'NFO',
      last_price: 123456.5,
      change: -12.25,
      change_percent: -0.0099,
      volume: 123456789,
      oi: 0,
      exchange_timestamp: exchangeTime.toISOString(),
      depth: {
        buy: [{ price: 123456, quantity: 1500, orders: 2 }],
        sell: [{ price: 123457.05, quantity: 75, orders: 1 }],
      },
    }),
  );
  const currency = {
    last_price: 89.4275,
    change: 0.0525,
    change_percent: 0.06,
    depth: { buy: [], sell: [] },
  };
  edge.snapshots.set(USDINR, tickOf(USDINR, { exchange: 'CDS', ...currency }));
  edge.snapshots.set(NIFTY, tickOf(NIFTY, { change: 0, change_percent: 0 }));
  await openConnected([OPTION, USDINR, NIFTY]);
  await watchlist.untilLive(NIFTY);
  const texts = (token: number) => watchlist.row(token).locator('td').allInnerTexts();
  const age = expect.stringMatching(/^<1 s$|^\d s$/);
  expect(await texts(OPTION)).toEqual(
    [
      'NFO',
      '1,23,456.50',
      '-12.25',
      '-0.01%',
      '1,500',
      '1,23,456.00',
      '1,23,457.05',
      '75',
      '12,34,56,789',
      '0',
      time,
    ]
      .concat(age)
      .concat('×'),
  );
  const absent = '–';
  expect(await texts(USDINR)).toEqual(
    ['CDS', '89.4275', '+0.0525', '+0.06%', ...Array(7).fill(absent)].concat(age).concat('×'),
  );
  expect((await texts(NIFTY)).slice(0, 4)).toEqual(['NSE', '100.00', '0.00', '0.00%']);
});

test("an exchange time of another day is shown as a date, and a value's age is its own, not the snapshot's", async () => {
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
  edge.snapshots.set(INFY, tickOf(INFY, { received_at: hoursAgo(49.5), exchange_timestamp: hoursAgo(49.5) }));
  await openConnected([INFY]);
  await watchlist.untilLive(INFY);
  expect(await watchlist.cell(INFY, 'age').textContent()).toBe('2 d');
  expect(await watchlist.cell(INFY, 'age').getAttribute('data-tone')).toBe('old');
  expect(await watchlist.cell(INFY, 'exchange-time').textContent()).toMatch(/^\d\d [A-Z][a-z]{2}$/);
});

test('a tick changes the text of its own changed cells and nothing else', async () => {
  for (const token of [RELIANCE, INFY]) edge.snapshots.set(token, tickOf(token, { volume: 5 }));
  await openConnected([RELIANCE, INFY]);
  await watchlist.untilLive(INFY);
  await watchlist.probe('watchCells()');
  edge.tick(tickOf(RELIANCE, { volume: 5, last_price: 101 }));
  const writes = () => watchlist.probe<string[]>('writes');
  await expect.poll(writes).toEqual([`${RELIANCE} last-price 101.00`]);
  expect(await watchlist.cell(RELIANCE, 'last-price').getAttribute('data-tone')).toBe('up');
  edge.tick(tickOf(RELIANCE, { volume: 5, last_price: 100.5 }));
  await expect.poll(writes).toHaveLength(2);
  expect(await watchlist.cell(RELIANCE, 'last-price').getAttribute('data-tone')).toBe('down');
});

test('many ticks between two frames are drawn once, with the newest value', async () => {
  edge.snapshots.set(INFY, tickOf(INFY));
  await openConnected([INFY]);
  await watchlist.untilLive(INFY);
  await watchlist.probe('holdFrames()');
  for (let price = 1; price <= 500; price++) edge.tick(tickOf(INFY, { last_price: price }));
  edge.send({ type: 'error', code: 'invalid_message', message: 'all sent' });
  await watched.page.getByText('all sent').waitFor();
  expect(await watchlist.cell(INFY, 'last-price').textContent()).toBe('100.00');
  expect(await watchlist.probe('releaseFrames()')).toBe(1);
  expect(await watchlist.cell(INFY, 'last-price').textContent()).toBe('500.00');
});

test('after a reconnect a price stays marked as old until its own first tick of the new connection', async () => {
  for (const token of [RELIANCE, INFY]) edge.snapshots.set(token, tickOf(token));
  await openConnected([RELIANCE, INFY]);
  await watchlist.untilLive(INFY);
  edge.snapshots.delete(RELIANCE);
  edge.closeSockets(1012, 'Service restart');
  await expect
    .poll(() => edge.tokensOf('subscribe'))
    .toEqual([
      [RELIANCE, INFY],
      [RELIANCE, INFY],
    ]);
  await watchlist.untilLive(INFY);
  expect(await watchlist.probe<string[]>('statuses')).toContain(
    'Not live: Service restart (1012). Reconnecting',
  );
  expect(await watchlist.row(RELIANCE).getAttribute('data-state')).toBe('held');
  edge.tick(tickOf(RELIANCE));
  await watchlist.untilLive(RELIANCE);
});

test('a connection that is open and dead is found out, and replaced', async () => {
  edge.snapshots.set(INFY, tickOf(INFY));
  await openConnected([INFY]);
  await watchlist.untilLive(INFY);
  edge.muteSockets();
  // Longer than the page waits before it asks, and then for an answer.
  await expect.poll(() => edge.upgrades, { timeout: 30_000 }).toBe(2);
  await watchlist.untilLive(INFY);
  const statuses = await watchlist.probe<string[]>('statuses');
  expect(statuses.slice(-2)).toEqual(['Not live: The connection went silent. Reconnecting', 'Connected']);
  expect(edge.tokensOf('ping')).toHaveLength(1);
});

test("a refused instrument shows the server's words, the others go on, and a passing refusal is asked again", async () => {
  edge.snapshots.set(INFY, tickOf(INFY));
  edge.refusals.set(OPTION, { code: 'unknown_instrument', message: 'no such instrument <b>today</b>' });
  edge.refusals.set(RELIANCE, { code: 'shard_unavailable', message: 'try again' });
  await openConnected([INFY, OPTION, RELIANCE]);
  await watchlist.untilLive(INFY);
  await watchlist.row(OPTION).getByText('no such instrument <b>today</b>').waitFor();
  await watchlist.row(RELIANCE).getByText('try again').waitFor();
  edge.refusals.delete(RELIANCE);
  edge.snapshots.set(RELIANCE, tickOf(RELIANCE));
  await watchlist.untilLive(RELIANCE);
  expect(edge.tokensOf('subscribe').slice(1).flat()).not.toContain(OPTION);
  edge.send({ type: 'error', code: 'unknown_instrument', message: 'gone today', tokens: [INFY] });
  await watchlist.row(INFY).getByText('gone today').waitFor();
  expect(await watchlist.cell(INFY, 'last-price').textContent()).toBe('');
});

test('tokens are added and removed by keyboard and pointer, kept for the next visit, and sent in as few messages as can be', async () => {
  edge.snapshots.set(OPTION, tickOf(OPTION));
  await openConnected([NIFTY, RELIANCE, INFY]);
  await watchlist.add(`${OPTION}, ${USDINR} ${INFY} x5, 0`);
  await watchlist.untilLive(OPTION);
  expect(await watchlist.tokens()).toEqual([NIFTY, RELIANCE, INFY, OPTION, USDINR]);
  expect(edge.tokensOf('subscribe')[1]).toEqual([OPTION, USDINR]);
  expect(await watchlist.addField.inputValue()).toBe('x5, 0');
  expect(
    await watched.page.getByRole('alert').filter({ hasText: 'Not an instrument token' }).textContent(),
  ).toContain('x5, 0');
  await watched.page.getByRole('button', { name: `Remove SYM${OPTION}` }).click();
  expect(await watched.page.locator(':focus').getAttribute('data-token')).toBe(String(USDINR));
  await expect.poll(() => edge.tokensOf('unsubscribe')).toEqual([[OPTION]]);
  // All keys in one task: however the machine is loaded, the two removals fall into one window.
  await watchlist.probe("press(['Home', 'ArrowDown', 'Delete', 'Delete'])");
  expect(await watchlist.tokens()).toEqual([NIFTY, USDINR]);
  await expect.poll(() => edge.tokensOf('unsubscribe')).toEqual([[OPTION], [RELIANCE, INFY]]);
  await watched.page.reload();
  await expect.poll(() => edge.tokensOf('subscribe').at(-1)).toEqual([NIFTY, USDINR]);
});

test('a watchlist holds 500 rows and says so to the 501st', async () => {
  const tokens = Array.from({ length: 499 }, (_, at) => (at + 1) * 256 + 2);
  await openConnected(tokens);
  await watchlist.add('777 778');
  expect(await watchlist.rows.count()).toBe(500);
  expect(await watchlist.addField.inputValue()).toBe('778');
  await watched.page.getByText('A watchlist has at most 500 rows').waitFor();
  await expect.poll(() => edge.tokensOf('subscribe').at(-1)).toEqual([777]);
});

test('without a token there is a sign-in; a wrong password says so, the right one goes live and stays for the tab', async () => {
  edge.snapshots.set(INFY, tickOf(INFY));
  await open([INFY], '');
  const signIn = async (password: string) => {
    await watched.page.getByLabel('Email').fill('trader@example.com');
    await watched.page.getByLabel('Password').fill(password);
    await watched.page.getByLabel('Password').press('Enter');
  };
  await signIn('wrong');
  await watched.page.getByText('Email or password is wrong.').waitFor();
  expect(edge.upgrades).toBe(0);
  await signIn(GOOD_PASSWORD);
  await watchlist.untilLive(INFY);
  await watched.page.reload();
  await watchlist.untilLive(INFY);
  await watched.page.getByRole('button', { name: 'Sign out' }).click();
  await watched.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await watchlist.rows.first().isVisible()).toBe(false);
  expect(await watched.page.evaluate(() => sessionStorage.length)).toBe(0);
});

test('no width cuts a symbol or a number; a phone has symbol, price, change and age', async () => {
  edge.snapshots.set(
    OPTION,
    tickOf(OPTION, {
      tradingsymbol: 'MIDCPNIFTY25DEC12500CE',
      exchange: 'NFO',
      last_price: 123456.05,
      change: -1234.55,
      change_percent: 123.45,
      volume: 999999999,
      oi: 999999999,
      exchange_timestamp: new Date().toISOString(),
      depth: {
        buy: [{ price: 123456.05, quantity: 99999, orders: 1 }],
        sell: [{ price: 123456.05, quantity: 99999, orders: 1 }],
      },
    }),
  );
  await openConnected([OPTION]);
  await watchlist.untilLive(OPTION);
  const shown: string[] = [];
  edge.tick({ ...edge.snapshots.get(OPTION), last_price: 123456.1 });
  await watchlist.row(OPTION).locator('.last-price[data-tone="up"]').waitFor();
  for (const width of [360, 711, 712, 799, 800, 944, 945, 1049, 1050, 1189, 1190, 1259, 1260, 1920]) {
    await watched.page.setViewportSize({ width, height: 640 });
    expect(await watchlist.probe('overflowing()'), `cut at ${width} px`).toEqual([]);
    shown.push((await watchlist.row(OPTION).locator('td:visible').count()).toString());
  }
  expect(shown.join(' ')).toBe('4 4 6 6 7 7 9 9 10 10 12 12 13 13');
  await watched.page.setViewportSize({ width: 360, height: 640 });
  for (const column of ['symbol', 'last-price', 'change-percent', 'age', 'remove']) {
    expect(await watchlist.cell(OPTION, column).isVisible(), column).toBe(true);
  }
});
