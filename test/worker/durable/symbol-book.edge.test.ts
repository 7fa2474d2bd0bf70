// Symbols to tokens: asked of the real database, remembered within bounds, and refused for now when it is away.
import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import {
  SYMBOLS_PER_QUERY_MAX,
  SYMBOLS_REMEMBERED_MAX,
  SYMBOLS_REMEMBERED_MS,
  SYMBOLS_UNKNOWN_MAX,
  SYMBOLS_UNKNOWN_MS,
} from '../../../shared/limits.ts';
import { SymbolBook } from '../../../worker/durable/symbol-book.ts';
import type { Env } from '../../../worker/env.ts';
import { addInstruments } from '../../support/edge/instruments.ts';
import { definitionOf } from '../../support/records.ts';

/** Enough to fill the memory and one more, as large as a whole exchange's list. */
const DEFINITIONS = Array.from({ length: SYMBOLS_REMEMBERED_MAX + 1 }, (_, i) =>
  definitionOf(0x8000_0001 + i * 256, `BOOK${i}`),
);
const SYMBOLS = DEFINITIONS.map(({ tradingsymbol }) => `NSE:${tradingsymbol}`);
const SYMBOLS_PER_REQUEST = 3_000;

beforeAll(async () => {
  await addInstruments(DEFINITIONS);
});

afterEach(() => {
  vi.useRealTimers();
});

/** A book whose database can be taken away (nothing listens at the other address), and whose queries are counted. */
function openBook() {
  const database = { isAway: false, queries: 0 };
  const DB = {
    get connectionString() {
      database.queries++;
      return database.isAway ? 'postgres://nobody@127.0.0.1:1/nothing' : env.DB.connectionString;
    },
  };
  return { database, book: new SymbolBook({ DB } as Env, createExecutionContext()) };
}

test('what exists is found, and what does not is rejected by name', async () => {
  const { book } = openBook();
  const { tokens, rejected } = await book.look(['NSE:BOOK7', 'NSE:NOSUCH', 'BSE:BOOK7', 'NSE:book7']);
  expect([...tokens]).toEqual([['NSE:BOOK7', 0x8000_0001 + 7 * 256]]);
  expect(rejected.map(({ field, item, code }) => [field, item, code])).toEqual(
    ['NSE:NOSUCH', 'BSE:BOOK7', 'NSE:book7'].map((symbol) => ['symbol', symbol, 'unknown_instrument']),
  );
});

test('without a database only what is remembered is found; the others are refused for now, and found later', async () => {
  const { book, database } = openBook();
  await book.look(['NSE:BOOK1']);
  database.isAway = true;
  const away = await book.look(['NSE:BOOK1', 'NSE:BOOK2', 'NSE:NOSUCH']);
  expect([...away.tokens.keys()]).toEqual(['NSE:BOOK1']);
  expect(away.rejected.map(({ item, code }) => [item, code])).toEqual([
    ['NSE:BOOK2', 'symbols_unavailable'],
    ['NSE:NOSUCH', 'symbols_unavailable'],
  ]);
  database.isAway = false;
  const back = await book.look(['NSE:BOOK2', 'NSE:NOSUCH']);
  expect([...back.tokens.keys()]).toEqual(['NSE:BOOK2']);
  expect(back.rejected.map(({ code }) => code)).toEqual(['unknown_instrument']);
});

test('nothing is remembered for longer than the list may stand', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const { book, database } = openBook();
  await book.look(['NSE:BOOK1']);
  database.isAway = true;
  vi.setSystemTime(Date.now() + SYMBOLS_REMEMBERED_MS - 1);
  expect((await book.look(['NSE:BOOK1'])).rejected).toEqual([]);
  vi.setSystemTime(Date.now() + 1);
  expect((await book.look(['NSE:BOOK1'])).rejected).toMatchObject([{ code: 'symbols_unavailable' }]);
});

test(`of more than ${SYMBOLS_REMEMBERED_MAX} symbols the first is forgotten, the others are not`, async () => {
  const { book, database } = openBook();
  for (let at = 0; at < SYMBOLS.length; at += SYMBOLS_PER_REQUEST) {
    const part = SYMBOLS.slice(at, at + SYMBOLS_PER_REQUEST);
    expect((await book.look(part)).tokens.size).toBe(part.length);
  }
  database.isAway = true;
  const { tokens, rejected } = await book.look(SYMBOLS);
  expect(tokens.size).toBe(SYMBOLS_REMEMBERED_MAX);
  expect(rejected.map(({ item }) => item)).toEqual([SYMBOLS[0]]);
});

test('what does not exist is not asked for with every message, and is found soon after it has appeared', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const { book, database } = openBook();
  for (let i = 0; i < 100; i++) {
    const { rejected } = await book.look(['NSE:LISTED_LATER', 'NSE:BOOK1']);
    expect(rejected).toMatchObject([{ item: 'NSE:LISTED_LATER', code: 'unknown_instrument' }]);
  }
  expect(database.queries).toBe(1);
  await addInstruments([definitionOf(0x4000_0001, 'LISTED_LATER')]);
  vi.setSystemTime(Date.now() + SYMBOLS_UNKNOWN_MS - 1);
  expect((await book.look(['NSE:LISTED_LATER'])).tokens.size).toBe(0);
  vi.setSystemTime(Date.now() + 1);
  expect((await book.look(['NSE:LISTED_LATER'])).tokens.get('NSE:LISTED_LATER')).toBe(0x4000_0001);
  expect(database.queries).toBe(2);
});

test(`of more than ${SYMBOLS_UNKNOWN_MAX} symbols that do not exist the first is forgotten; those that do exist stay`, async () => {
  const { book, database } = openBook();
  await book.look(['NSE:BOOK1']);
  const nonsense = Array.from({ length: SYMBOLS_UNKNOWN_MAX + 1 }, (_, i) => `NSE:NONSENSE${i}`);
  for (let at = 0; at < nonsense.length; at += SYMBOLS_PER_REQUEST) {
    await book.look(nonsense.slice(at, at + SYMBOLS_PER_REQUEST));
  }
  expect(book.size).toBe(SYMBOLS_UNKNOWN_MAX + 1);
  database.isAway = true;
  const { tokens, rejected } = await book.look(['NSE:BOOK1', ...nonsense]);
  expect(tokens.size).toBe(1);
  expect(rejected.filter(({ code }) => code === 'symbols_unavailable').map(({ item }) => item)).toEqual([
    nonsense[0],
  ]);
});

test('whatever many clients ask for at once takes one query after another, and each gets its own answer', async () => {
  const { book, database } = openBook();
  const looks = Array.from({ length: 200 }, (_, i) => book.look([`NSE:BOOK${i}`, `NSE:UNHEARD${i}`]));
  for (const [i, { tokens, rejected }] of (await Promise.all(looks)).entries()) {
    expect([...tokens.keys()]).toEqual([`NSE:BOOK${i}`]);
    expect(rejected.map(({ item }) => item)).toEqual([`NSE:UNHEARD${i}`]);
  }
  expect(database.queries).toBe(1);
  // Two fill a query to its bound; one symbol more is asked for by the next.
  const half = SYMBOLS_PER_QUERY_MAX / 2;
  const parts = [SYMBOLS.slice(1_000, 1_000 + half), SYMBOLS.slice(5_000, 5_000 + half), ['NSE:BOOK9000']];
  const counts = (await Promise.all(parts.map((part) => book.look(part)))).map(({ tokens }) => tokens.size);
  expect(counts).toEqual([half, half, 1]);
  expect(database.queries).toBe(3);
});

test('one query that fails does not fail the next', async () => {
  const { book, database } = openBook();
  database.isAway = true;
  const away = book.look(['NSE:BOOK3']);
  expect((await away).rejected).toMatchObject([{ code: 'symbols_unavailable' }]);
  database.isAway = false;
  expect((await book.look(['NSE:BOOK3'])).tokens.size).toBe(1);
});
