// The instrument search: who may ask, what is found and in which order, how pages join, and what a wrong question is told.
import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import {
  INSTRUMENT_FIELD_CHARS_MAX,
  INSTRUMENTS_PAGE_ROWS_DEFAULT,
  INSTRUMENTS_PAGE_ROWS_MAX,
} from '../../../shared/limits.ts';
import { app } from '../../../worker/app.ts';
import { apiKeyHmac } from '../../../worker/auth/api-key.ts';
import type { Env } from '../../../worker/env.ts';
import { withDatabase } from '../../../worker/store/db.ts';
import { addInstruments, TRADING_DATE } from '../../support/edge/instruments.ts';
import { mintToken } from '../../support/edge/tokens.ts';

const READER_KEY = `te_${'i'.repeat(43)}`;
const OTHER_KEY = `te_${'j'.repeat(43)}`;
const testEnv = env as unknown as Env;

/** An exchange of our own: other tests have instruments in the same table. */
const EXCHANGE = 'XOPT';
const NAME = 'XINDEX';
const EXPIRIES = ['2026-11-24', '2026-12-29'] as const;
const STRIKES = Array.from({ length: 100 }, (_, i) => 20_000 + i * 50);
const tokenOf = (index: number) => (0xf000_0000 + index * 256 + 2) as InstrumentToken;

const CONTRACTS: readonly InstrumentDefinition[] = EXPIRIES.flatMap((expiry, month) =>
  STRIKES.flatMap((strike, i) =>
    (['CE', 'PE'] as const).map((type, side) => ({
      instrument_token: tokenOf((month * STRIKES.length + i) * 2 + side),
      tradingsymbol: `${NAME}26${month === 0 ? 'NOV' : 'DEC'}${strike}${type}`,
      exchange: EXCHANGE,
      name: NAME,
      segment: `${EXCHANGE}-OPT`,
      instrument_type: type,
      expiry,
      strike,
      tick_size: 0.05,
      lot_size: 65,
    })),
  ),
);
const SHARE: InstrumentDefinition = {
  instrument_token: tokenOf(10_000),
  tradingsymbol: 'XM&M_50%-BE कख',
  exchange: 'XEQ',
  segment: 'XEQ',
  instrument_type: 'EQ',
  tick_size: 0.1,
  lot_size: 1,
};
const INDEX: InstrumentDefinition = {
  ...SHARE,
  instrument_token: tokenOf(10_001),
  tradingsymbol: 'XNIFTY 50',
  name: 'XINDEX FIFTY',
  segment: 'INDICES',
  tick_size: 0,
  lot_size: 0,
};

interface Answer {
  readonly trading_date?: string;
  readonly instruments: readonly Record<string, unknown>[];
  readonly next_cursor?: string;
  readonly code?: string;
  readonly message?: string;
}

let token: string;

beforeAll(async () => {
  token = await mintToken();
  await addInstruments([...CONTRACTS, SHARE, INDEX]);
  await withDatabase(testEnv, createExecutionContext(), async (sql) => {
    for (const [key, scope] of [
      [READER_KEY, 'instruments:read'],
      [OTHER_KEY, 'tokens:revoke'],
    ] as const) {
      const hmac = await apiKeyHmac(key, testEnv.API_KEY_PEPPER);
      await sql`insert into api_keys (name, key_hmac, scopes) values (${scope}, ${hmac}, string_to_array(${scope}, ' '))`;
    }
  });
});

afterEach(() => void vi.restoreAllMocks());

function get(path: string, headers: HeadersInit = { authorization: `Bearer ${token}` }, bindings = testEnv) {
  const request = new Request(`http://edge/instruments${path}`, { headers });
  return Promise.resolve(app.fetch(request, bindings, createExecutionContext()));
}

async function ask(path: string): Promise<Answer & { readonly httpStatus: number }> {
  const response = await get(path);
  return { httpStatus: response.status, ...((await response.json()) as Answer) };
}

const search = (query: Readonly<Record<string, string>>) => ask(`?${new URLSearchParams(query)}`);
const symbolsOf = ({ instruments }: Answer) => instruments.map(({ tradingsymbol }) => tradingsymbol);

/** All pages, one after the other. */
async function searchAll(query: Readonly<Record<string, string>>): Promise<string[]> {
  const symbols: string[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const answer: Answer = await search(cursor === '' ? query : { ...query, cursor });
    symbols.push(...(symbolsOf(answer) as string[]));
    cursor = answer.next_cursor;
  }
  return symbols;
}

const symbolsWhere = (holds: (contract: InstrumentDefinition) => boolean) =>
  CONTRACTS.filter(holds)
    .map(({ tradingsymbol }) => tradingsymbol)
    .sort();

describe('who may ask', () => {
  test.each<[string, () => HeadersInit, string, number, string | undefined]>([
    ['a user with a token', () => ({ authorization: `Bearer ${token}` }), '', 200, undefined],
    ['a server with the scope', () => ({ 'x-api-key': READER_KEY }), '', 200, undefined],
    ['nobody', () => ({}), '', 401, 'missing_token'],
    ['a bad token', () => ({ authorization: 'Bearer x.y.z' }), '', 401, 'authentication_failed'],
    ['a key without the scope', () => ({ 'x-api-key': OTHER_KEY }), '', 403, 'forbidden'],
    [
      'a bad key beside a good token',
      () => ({ 'x-api-key': 'te_x', authorization: `Bearer ${token}` }),
      '',
      401,
      'invalid_api_key',
    ],
  ])('%s', async (_, headers, path, status, code) => {
    for (const at of [`${path}?exchange=XEQ`, `/${SHARE.instrument_token}`]) {
      const response = await get(at, headers());
      expect([response.status, ((await response.json()) as Answer).code]).toEqual([status, code]);
    }
  });

  test('a token in the query is a token and no parameter', async () => {
    const response = await get(`?exchange=XEQ&token=${token}`, {});
    expect(response.status).toBe(200);
    expect(symbolsOf((await response.json()) as Answer)).toHaveLength(2);
  });
});

describe('one instrument', () => {
  test('has what it has, and what it does not have is absent', async () => {
    expect(await ask(`/${CONTRACTS[0]?.instrument_token}`)).toEqual({
      httpStatus: 200,
      ...CONTRACTS[0],
      exchange_token: tokenOf(0) >>> 8,
      openalgo_symbol: `${NAME}24NOV2620000CE`,
      openalgo_exchange: EXCHANGE,
    });
    expect(await ask(`/${SHARE.instrument_token}`)).toEqual({
      httpStatus: 200,
      ...SHARE,
      exchange_token: SHARE.instrument_token >>> 8,
      openalgo_symbol: SHARE.tradingsymbol,
      openalgo_exchange: 'XEQ',
    });
  });

  test.each([
    ['/4294967295', 404, 'unknown_instrument', 'instrument_token: no instrument 4294967295 today'],
    ['/0', 400, 'invalid_instrument_token', 'instrument_token: must be 1 to 4294967295, got "0"'],
    ['/4294967296', 400, 'invalid_instrument_token', 'got "4294967296"'],
    ['/-1', 400, 'invalid_instrument_token', 'got "-1"'],
    ['/1e3', 400, 'invalid_instrument_token', 'got "1e3"'],
    [`/${'9'.repeat(500)}`, 400, 'invalid_instrument_token', `got "${'9'.repeat(64)}"`],
    ['/RELIANCE', 400, 'invalid_instrument_token', 'got "RELIANCE"'],
    ['/%00', 400, 'invalid_instrument_token', 'got "\\u0000"'],
  ])('%.20s is refused by name', async (path, status, code, message) => {
    const answer = await ask(path);
    expect(answer).toMatchObject({ httpStatus: status, code });
    expect(answer.message).toContain(message);
  });
});

describe('what is found', () => {
  test.each<[Record<string, string>, (contract: InstrumentDefinition) => boolean]>([
    [{ exchange: EXCHANGE }, () => true],
    [{ segment: `${EXCHANGE}-OPT` }, () => true],
    [{ name: NAME }, () => true],
    [{ name: NAME, exchange: 'XEQ' }, () => false],
    [{ exchange: EXCHANGE, type: 'PE' }, ({ instrument_type }) => instrument_type === 'PE'],
    [{ name: NAME, expiry: '2026-12-29' }, ({ expiry }) => expiry === '2026-12-29'],
    [{ symbol: `${NAME}26NOV2` }, ({ expiry }) => expiry === '2026-11-24'],
    [{ symbol: `${NAME}26DEC20000` }, ({ strike, expiry }) => strike === 20_000 && expiry === '2026-12-29'],
    [
      { name: NAME, strike_min: '21000', strike_max: '21050.0' },
      ({ strike = 0 }) => strike >= 21_000 && strike <= 21_050,
    ],
    [{ name: NAME, strike_min: '24949.99' }, ({ strike = 0 }) => strike === 24_950],
    [{ name: NAME, strike_max: '19999' }, () => false],
    [
      { name: NAME, expiry: '2026-11-24', type: 'CE', strike_min: '24000', symbol: `${NAME}26NOV24` },
      ({ expiry, instrument_type, strike = 0 }) =>
        expiry === '2026-11-24' && instrument_type === 'CE' && strike >= 24_000,
    ],
  ])('%o, all pages of it, in order and once each', async (query, holds) => {
    expect(await searchAll({ ...query, limit: '37' })).toEqual(symbolsWhere(holds));
  });

  test('a name is whole, or the beginning of one with a * behind', async () => {
    expect(symbolsOf(await search({ name: 'XINDE' }))).toEqual([]);
    expect(symbolsOf(await search({ name: 'XINDEX F*' }))).toEqual([INDEX.tradingsymbol]);
    expect(await searchAll({ name: 'XINDEX*' })).toEqual(
      [...symbolsWhere(() => true), INDEX.tradingsymbol].sort(),
    );
  });

  test('nothing in a symbol or a name is a pattern, and case counts', async () => {
    expect(symbolsOf(await search({ symbol: 'XM&M_50%' }))).toEqual([SHARE.tradingsymbol]);
    expect(symbolsOf(await search({ symbol: SHARE.tradingsymbol }))).toEqual([SHARE.tradingsymbol]);
    for (const symbol of ['XM&M%50', 'X%', 'xm&m', "XM'; drop table instruments; --", '\\']) {
      expect(symbolsOf(await search({ symbol }))).toEqual([]);
    }
    for (const name of ['XINDE_', '%', "X'"]) expect(symbolsOf(await search({ name }))).toEqual([]);
  });

  test('a page says of which date the list is, and has no cursor when it is the last', async () => {
    const last = await search({ exchange: EXCHANGE, limit: String(CONTRACTS.length) });
    expect(last).toMatchObject({ httpStatus: 200, trading_date: TRADING_DATE });
    expect(last.instruments).toHaveLength(CONTRACTS.length);
    expect(last).not.toHaveProperty('next_cursor');
    const short = await search({ exchange: EXCHANGE, limit: String(CONTRACTS.length - 1) });
    expect(short.next_cursor).toBeDefined();
    const usual = await search({ exchange: EXCHANGE });
    expect(usual.instruments).toHaveLength(INSTRUMENTS_PAGE_ROWS_DEFAULT);
    const largest = await search({ limit: String(INSTRUMENTS_PAGE_ROWS_MAX) });
    expect(largest.httpStatus).toBe(200);
    const none = await search({ exchange: 'NOWHERE' });
    expect(none).toEqual({ httpStatus: 200, trading_date: TRADING_DATE, instruments: [] });
  });

  test('a cursor holds while the list changes: what stays is told once, what is new behind it too', async () => {
    const query = { exchange: 'XDAY', limit: '2' };
    const day = (symbol: string, index: number) => ({
      ...SHARE,
      instrument_token: tokenOf(20_000 + index),
      tradingsymbol: symbol,
      exchange: 'XDAY',
    });
    await addInstruments(['A', 'C', 'E', 'G'].map(day));
    const first = await search(query);
    expect(symbolsOf(first)).toEqual(['A', 'C']);
    await withDatabase(
      testEnv,
      createExecutionContext(),
      (sql) => sql`delete from instruments where exchange = 'XDAY' and tradingsymbol in ('C', 'E')`,
    );
    await addInstruments([day('B', 10), day('D', 11)]);
    const second = await search({ ...query, cursor: first.next_cursor ?? '' });
    expect(symbolsOf(second)).toEqual(['D', 'G']);
  });

  test('two of one symbol are two', async () => {
    const twins = [0, 1, 2].map((i) => ({
      ...SHARE,
      instrument_token: tokenOf(30_000 + i),
      tradingsymbol: 'TWIN',
      exchange: 'XTWIN',
    }));
    await addInstruments(twins);
    expect(await searchAll({ exchange: 'XTWIN', limit: '1' })).toEqual(['TWIN', 'TWIN', 'TWIN']);
  });
});

describe('a wrong question is told what is wrong', () => {
  test.each([
    ['symbl=NIFTY', 'symbl: no such parameter'],
    ['type=CALL', 'type: Invalid option: expected one of "EQ"|"FUT"|"CE"|"PE", got "CALL"'],
    ['expiry=2026-02-30', 'expiry: Invalid ISO date, got "2026-02-30"'],
    ['expiry=24NOV26', 'got "24NOV26"'],
    ['expiry=0000-01-01', 'expiry: is before 1900, got "0000-01-01"'],
    ['strike_min=-1', 'strike_min: is not an amount, got "-1"'],
    ['strike_min=', 'strike_min: is not an amount, got ""'],
    ['strike_max=1e5', 'strike_max: is not an amount, got "1e5"'],
    ['strike_max=99999999999', 'strike_max: Too big'],
    ['strike_min=20&strike_max=10', 'strike_max: is below strike_min, got "10"'],
    ['limit=0', 'limit: Too small'],
    [`limit=${INSTRUMENTS_PAGE_ROWS_MAX + 1}`, `got "${INSTRUMENTS_PAGE_ROWS_MAX + 1}"`],
    ['limit=ten', 'limit: is not a number of rows, got "ten"'],
    ['symbol=', 'symbol: Too small'],
    [`symbol=${'A'.repeat(INSTRUMENT_FIELD_CHARS_MAX + 1)}`, `got "${'A'.repeat(64)}"`],
    ['symbol=A%00B', 'symbol: has a NUL, got "A\\u0000B"'],
    ['exchange=NSE&exchange=BSE', 'exchange: is given twice'],
    ['cursor=', 'cursor: is not a cursor of ours, got ""'],
    ['cursor=!!!', 'cursor: is not a cursor of ours, got "!!!"'],
    [`cursor=${btoa('1:')}`, 'cursor: is not a cursor of ours'],
    [`cursor=${btoa('x:NIFTY')}`, 'cursor: is not a cursor of ours'],
    [`cursor=${btoa('0:NIFTY')}`, 'cursor: is not a cursor of ours'],
    [`cursor=${btoa('1:A\0B')}`, 'cursor: is not a cursor of ours'],
    [`cursor=${btoa('1:\xff')}`, 'cursor: is not a cursor of ours'],
    ['limit=0&type=X&foo=1', 'foo: no such parameter'],
  ])('%.40s', async (query, message) => {
    const answer = await ask(`?${query}`);
    expect(answer).toMatchObject({ httpStatus: 400, code: 'invalid_parameter' });
    expect(answer.message).toContain(message);
  });

  test('every wrong field at once, but not without end', async () => {
    const { message = '' } = await ask('?limit=0&type=X&strike_min=x');
    expect(message.split('; ').map((part) => part.split(':')[0])).toEqual(
      expect.arrayContaining(['limit', 'type', 'strike_min']),
    );
    const many = Array.from({ length: 1_000 }, (_, i) => `p${i}=1`).join('&');
    expect((await ask(`?${many}`)).message?.split('; ')).toHaveLength(16);
  });

  test('while the database is away, with 503 and without its reasons', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const away = { ...env, DB: { connectionString: 'postgres://u:p@127.0.0.1:1/none' } } as unknown as Env;
    for (const path of ['', `/${SHARE.instrument_token}`]) {
      const response = await get(path, undefined, away);
      expect([response.status, await response.json()]).toEqual([
        503,
        { status: 'error', code: 'database_unavailable', message: 'the database does not answer, try again' },
      ]);
    }
  });
});
