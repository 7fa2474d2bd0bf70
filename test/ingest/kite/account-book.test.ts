// The accounts as they are now: read again and again, and kept while they cannot be read.
import { beforeEach, describe, expect, test } from 'vitest';
import type { KiteAccount } from '../../../ingest/kite/account.ts';
import {
  AccountBook,
  type AccountBookOptions,
  type BookedAccount,
} from '../../../ingest/kite/account-book.ts';
import type { StoredAccount } from '../../../ingest/store/accounts.ts';
import { ACCOUNTS_POLL_MS } from '../../../shared/limits.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

const ISSUED_MS = 1_764_000_000_000;

const row = (id: string, parts: Partial<StoredAccount> = {}): StoredAccount => ({
  id,
  apiKey: `key-of-${id}`,
  accessTokenEnvelope: `sealed token-of-${id}`,
  tokenIssuedAtMs: ISSUED_MS,
  tokenExpiresAtMs: ISSUED_MS + 1_000,
  isEnabled: true,
  connectionsMax: 3,
  instrumentsMax: 3_000,
  ...parts,
});

const ENVIRONMENT: BookedAccount = {
  account: {
    id: 'primary',
    apiKey: 'key-of-environment',
    accessToken: 'token-of-environment',
    isEnabled: true,
    connectionsMax: 3,
    instrumentsMax: 3_000,
  },
  isTokenUnreadable: false,
};

let clock: ManualClock;
let rows: readonly StoredAccount[] | Error | Promise<readonly StoredAccount[]>;
let reads: number;
let opened: string[];
let told: (readonly BookedAccount[])[];
let lines: string[];

beforeEach(() => {
  clock = new ManualClock();
  rows = [];
  reads = 0;
  opened = [];
  told = [];
});

function bookOf(parts: Partial<AccountBookOptions> = {}): AccountBook {
  const recording = recordingLog();
  lines = recording.lines;
  return new AccountBook({
    readRows: async () => {
      reads++;
      if (rows instanceof Error) throw rows;
      return rows;
    },
    openToken: async (accountId, envelope) => {
      opened.push(envelope);
      if (!envelope.startsWith('sealed '))
        throw new Error(`access_token of account ${accountId} does not open`);
      return envelope.slice('sealed '.length);
    },
    connectionsMax: 3,
    instrumentsMax: 3_000,
    clock,
    log: recording.log,
    onChange: (accounts) => told.push(accounts),
    ...parts,
  });
}

/** Lets what is ready happen. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const nextRead = async () => {
  clock.advance(ACCOUNTS_POLL_MS);
  await settle();
};
const last = (): readonly KiteAccount[] => told.at(-1)?.map(({ account }) => account) ?? [];
const tokens = () => Object.fromEntries(last().map(({ id, accessToken }) => [id, accessToken]));

test('accounts are told at start and when something is different, and not otherwise', async () => {
  rows = [row('a'), row('b', { accessTokenEnvelope: null, tokenIssuedAtMs: null, tokenExpiresAtMs: null })];
  const book = bookOf();
  book.start();
  await settle();
  expect(told).toEqual([
    [
      {
        account: {
          id: 'a',
          apiKey: 'key-of-a',
          accessToken: 'token-of-a',
          isEnabled: true,
          connectionsMax: 3,
          instrumentsMax: 3_000,
        },
        tokenIssuedAtMs: ISSUED_MS,
        tokenExpiresAtMs: ISSUED_MS + 1_000,
        isTokenUnreadable: false,
      },
      {
        account: { id: 'b', apiKey: 'key-of-b', isEnabled: true, connectionsMax: 3, instrumentsMax: 3_000 },
        isTokenUnreadable: false,
      },
    ],
  ]);
  await nextRead();
  await nextRead();
  expect([reads, told.length, opened]).toEqual([3, 1, ['sealed token-of-a']]);
  rows = [
    row('a', { accessTokenEnvelope: 'sealed next' }),
    row('b', { isEnabled: false, instrumentsMax: 10 }),
  ];
  await nextRead();
  expect(last()).toMatchObject([
    { id: 'a', accessToken: 'next' },
    { id: 'b', isEnabled: false, instrumentsMax: 10 },
  ]);
  rows = [];
  await nextRead();
  expect(last()).toEqual([]);
  book.stop();
  await nextRead();
  expect([reads, clock.delaysMs]).toEqual([5, []]);
});

test('what a socket and an account may carry is capped by the settings', async () => {
  rows = [row('a'), row('small', { connectionsMax: 1, instrumentsMax: 5 })];
  bookOf({ connectionsMax: 2, instrumentsMax: 100 }).start();
  await settle();
  expect(last()).toMatchObject([
    { connectionsMax: 2, instrumentsMax: 100 },
    { connectionsMax: 1, instrumentsMax: 5 },
  ]);
});

describe('woken', () => {
  test('it looks at once instead of in a few seconds', async () => {
    const book = bookOf();
    book.start();
    await settle();
    rows = [row('new')];
    book.readNow();
    await settle();
    expect(tokens()).toEqual({ new: 'token-of-new' });
    expect(clock.delaysMs).toEqual([ACCOUNTS_POLL_MS]);
  });

  test('while it looks it looks once more, however often it was woken', async () => {
    const book = bookOf();
    let answer: (rows: readonly StoredAccount[]) => void = () => undefined;
    rows = new Promise((resolve) => {
      answer = resolve;
    });
    book.start();
    for (let i = 0; i < 5; i++) book.readNow();
    rows = [row('changed meanwhile')];
    answer([row('old')]);
    await settle();
    expect(tokens()).toEqual({ old: 'token-of-old' });
    clock.advance(0);
    await settle();
    expect([reads, tokens()]).toEqual([2, { 'changed meanwhile': 'token-of-changed meanwhile' }]);
    expect(clock.delaysMs).toEqual([ACCOUNTS_POLL_MS]);
  });
});

describe('while the database is away', () => {
  test('the accounts stay, that is said once, and a change is taken when it is back', async () => {
    rows = [row('a')];
    const book = bookOf();
    book.start();
    await settle();
    rows = new Error('connect ECONNREFUSED');
    for (let i = 0; i < 20; i++) await nextRead();
    expect([told.length, tokens(), reads]).toEqual([1, { a: 'token-of-a' }, 21]);
    expect(lines.filter((line) => line.includes('accounts cannot be read'))).toHaveLength(1);
    rows = [row('a', { accessTokenEnvelope: 'sealed new' })];
    await nextRead();
    expect(tokens()).toEqual({ a: 'new' });
    expect(lines.at(-1)).toContain('accounts can be read again');
    book.stop();
  });

  test("from the start the environment's account streams; the database's take over when it comes", async () => {
    rows = new Error('connect ECONNREFUSED');
    bookOf({ environmentAccount: ENVIRONMENT }).start();
    await settle();
    expect(tokens()).toEqual({ primary: 'token-of-environment' });
    rows = [row('primary')];
    await nextRead();
    expect(tokens()).toEqual({ primary: 'token-of-primary' });
  });
});

describe("the environment's account", () => {
  test('is there without a database, at once', () => {
    bookOf({ readRows: undefined as never, environmentAccount: ENVIRONMENT }).start();
    expect(tokens()).toEqual({ primary: 'token-of-environment' });
  });

  test('is told after the first reading only: a login may have replaced its token', async () => {
    rows = [row('primary', { apiKey: 'key-of-environment' })];
    bookOf({ environmentAccount: ENVIRONMENT }).start();
    expect(told).toEqual([]);
    await settle();
    expect(told).toHaveLength(1);
    expect(tokens()).toEqual({ primary: 'token-of-primary' });
  });

  test.each<[string, StoredAccount[], Record<string, string>]>([
    ['is there when there are no rows', [], { primary: 'token-of-environment' }],
    ['is there beside others', [row('a')], { primary: 'token-of-environment', a: 'token-of-a' }],
    ['gives way to a row of its name', [row('primary')], { primary: 'token-of-primary' }],
    [
      'gives way to a row of its app: two would take the sockets of each other',
      [row('main', { apiKey: 'key-of-environment' })],
      { main: 'token-of-main' },
    ],
    [
      'lends its token to a row of its app that has none yet',
      [row('main', { apiKey: 'key-of-environment', accessTokenEnvelope: null })],
      { main: 'token-of-environment' },
    ],
    [
      'lends it to no other app',
      [row('primary', { accessTokenEnvelope: null })],
      { primary: undefined as unknown as string },
    ],
  ])('%s', async (_, stored, expected) => {
    rows = stored;
    bookOf({ environmentAccount: ENVIRONMENT }).start();
    await settle();
    expect(tokens()).toEqual(expected);
  });
});

test('a token that does not open is said once, and the account is there without it until there is another', async () => {
  rows = [row('a', { accessTokenEnvelope: 'of a lost key' }), row('b')];
  bookOf().start();
  await settle();
  await nextRead();
  expect(told.at(-1)).toMatchObject([{ isTokenUnreadable: true }, { isTokenUnreadable: false }]);
  expect(tokens()).toEqual({ a: undefined, b: 'token-of-b' });
  expect(told.at(-1)?.[0]).not.toHaveProperty('tokenExpiresAtMs');
  expect(lines.filter((line) => line.includes('access token cannot be read account=a'))).toHaveLength(1);
  rows = [row('a', { accessTokenEnvelope: 'sealed again' }), row('b')];
  await nextRead();
  expect(tokens()).toEqual({ a: 'again', b: 'token-of-b' });
});

test('what was being read when it was stopped is not told', async () => {
  rows = [row('a')];
  const book = bookOf();
  book.start();
  book.stop();
  book.readNow();
  await settle();
  expect([told, reads]).toEqual([[], 1]);
});
