// Symbols to tokens: asked of the real database, remembered within bounds, and refused for now when it is away.
import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { SYMBOLS_REMEMBERED_MAX, SYMBOLS_REMEMBERED_MS } from '../../../shared/limits.ts';
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

/** A book whose database can be taken away: nothing listens at the other address. */
function openBook() {
  const database = { isAway: false };
  const DB = {
    get connectionString() {
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
