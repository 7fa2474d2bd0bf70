import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  greeksSettingsOf,
  readConfig,
  readDatabaseConfig,
  readLoginConfig,
  readRotationConfig,
  readSessionCalendar,
} from '../../ingest/config.ts';
import { SESSION_CALENDAR_BYTES_MAX } from '../../shared/limits.ts';
import { ALWAYS_OPEN, sessionsAt } from '../../shared/market-session.ts';

const REQUIRED = {
  KITE_API_KEY: 'key',
  KITE_ACCESS_TOKEN: 'token',
  EDGE_URL: 'https://edge.example.com',
  INGEST_SECRET: 'x'.repeat(32),
};

test('has a default for everything that is not a secret or an address of ours', () => {
  expect(readConfig(REQUIRED)).toEqual({
    ...REQUIRED,
    KITE_API_ROOT: 'https://api.kite.trade',
    KITE_API_PREFIX: '',
    INSTRUMENT_LIST_CHECK: 'whole',
    KITE_WS_ROOT: 'wss://ws.kite.trade/',
    KITE_WS_PARAMETERS: '',
    TICK_BATCH_WINDOW_MS: 100,
    TICK_BATCH_WINDOW_MIN_MS: 20,
    TICK_BATCH_MAX_SIZE: 1_000,
    TICKER_MODE: 'full',
    MAX_INSTRUMENTS_PER_WS: 3_000,
    MAX_WS_CONNECTIONS: 3,
    MARKET_SESSION: 'calendar',
    ORDERS_ENABLED: false,
    ORDER_RETENTION_DAYS: 30,
    OPTION_GREEKS_MODEL: 'forward',
    OPTION_GREEKS_DIVIDEND_YIELD: 0,
    STATUS_PORT: 0,
    LOG_LEVEL: 'info',
    LOG_FORMAT: 'text',
  });
});

test('reads numbers, and takes an empty variable for an absent one', () => {
  expect(readConfig({ ...REQUIRED, TICK_BATCH_WINDOW_MS: '20', STATUS_PORT: '' })).toMatchObject({
    TICK_BATCH_WINDOW_MS: 20,
    STATUS_PORT: 0,
  });
});

test('the shortest flush window is no longer than the longest one', () => {
  const read = (settings: object) => readConfig({ ...REQUIRED, ...settings });
  expect(read({ TICK_BATCH_WINDOW_MS: '10' }).TICK_BATCH_WINDOW_MIN_MS).toBe(10);
  const equal = { TICK_BATCH_WINDOW_MS: '50', TICK_BATCH_WINDOW_MIN_MS: '50' };
  expect(read(equal)).toMatchObject({ TICK_BATCH_WINDOW_MS: 50, TICK_BATCH_WINDOW_MIN_MS: 50 });
  expect(() => read({ TICK_BATCH_WINDOW_MIN_MS: '101' })).toThrow(
    /: TICK_BATCH_WINDOW_MIN_MS: 101 is above TICK_BATCH_WINDOW_MS, 100$/,
  );
});

test.each([
  ['KITE_API_KEY', '', /KITE_API_KEY: is required/],
  ['INGEST_SECRET', 'hunter2', /INGEST_SECRET: .*32 characters/],
  ['EDGE_URL', 'https://edge.example.com/base', /EDGE_URL: must be an origin/],
  ['EDGE_URL', 'edge.example.com', /EDGE_URL: must be a URL that starts with https:\/\/ or http:\/\//],
  [
    'KITE_WS_ROOT',
    'https://ws.kite.trade',
    /KITE_WS_ROOT: must be a URL that starts with wss:\/\/ or ws:\/\//,
  ],
  ['TICK_BATCH_WINDOW_MS', 'soon', /TICK_BATCH_WINDOW_MS: /],
  ['TICK_BATCH_WINDOW_MS', '10001', /TICK_BATCH_WINDOW_MS: .*10000/],
  ['TICK_BATCH_WINDOW_MIN_MS', '0', /TICK_BATCH_WINDOW_MIN_MS: .*1/],
  ['TICK_BATCH_MAX_SIZE', '2001', /TICK_BATCH_MAX_SIZE: .*2000/],
  ['MAX_INSTRUMENTS_PER_WS', '3001', /MAX_INSTRUMENTS_PER_WS: .*3000/],
  ['MAX_WS_CONNECTIONS', '4', /MAX_WS_CONNECTIONS: .*3/],
  ['TICKER_MODE', 'all', /TICKER_MODE: /],
  ['ORDER_RETENTION_DAYS', '1', /ORDER_RETENTION_DAYS: .*2/],
  ['ORDER_RETENTION_DAYS', '3651', /ORDER_RETENTION_DAYS: .*3650/],
  ['ORDERS_ENABLED', 'yes', /ORDERS_ENABLED: /],
  ['ORDERS_ENABLED', 'true', /ORDERS_ENABLED: orders need DATABASE_URL/],
])('names %s when it is %j', (name, value, message) => {
  const read = () => readConfig({ ...REQUIRED, [name]: value });
  expect(read).toThrow(message);
});

const KEYS = `k1:${'ab'.repeat(32)}`;
const DATABASE = { DATABASE_URL: 'postgres://u:p@host/name', CREDENTIALS_KEYS: KEYS };

test('accounts come from the environment, whole, or from a database with their keys', () => {
  const { KITE_API_KEY, KITE_ACCESS_TOKEN, ...others } = REQUIRED;
  const read = (settings: object) => () => readConfig({ ...others, ...settings });
  for (const settings of [DATABASE, { ...DATABASE, KITE_API_KEY }, { ...DATABASE, ...REQUIRED }, REQUIRED])
    expect(read(settings)).not.toThrow();
  expect(read({ ...DATABASE, KITE_ACCESS_TOKEN })).toThrow(/: KITE_API_KEY: is required, or accounts/);
  expect(read({ DATABASE_URL: DATABASE.DATABASE_URL })).toThrow(/KITE_API_KEY: .*KITE_ACCESS_TOKEN: /);
  expect(read({ KITE_API_KEY })).toThrow(/: KITE_ACCESS_TOKEN: is required, or accounts in DATABASE_URL/);
});

test('orders are on where there is a database, unless they are switched off', () => {
  const isOn = (settings: object) => readConfig({ ...REQUIRED, ...settings }).ORDERS_ENABLED;
  expect(isOn({})).toBe(false);
  expect(isOn({ ORDERS_ENABLED: 'false' })).toBe(false);
  expect(isOn(DATABASE)).toBe(true);
  expect(isOn({ ...DATABASE, ORDERS_ENABLED: 'true' })).toBe(true);
  expect(isOn({ ...DATABASE, ORDERS_ENABLED: 'false' })).toBe(false);
});

test.each([
  ['KITE_API_PREFIX', 'oms', /KITE_API_PREFIX: must be a path, as in \/oms/],
  ['KITE_API_PREFIX', '/oms/', /KITE_API_PREFIX: /],
  ['KITE_API_PREFIX', '/oms?x=1', /KITE_API_PREFIX: /],
  ['CREDENTIALS_KEYS', `k1:${'ab'.repeat(31)}`, /CREDENTIALS_KEYS: key 1 is not id:<64 hex digits>/],
  ['CREDENTIALS_KEYS', `${KEYS},${KEYS}`, /CREDENTIALS_KEYS: key 2: the id k1 occurs twice/],
])('%s of %j is refused, and not repeated', (name, value, message) => {
  const read = () => readConfig({ ...REQUIRED, [name]: value });
  expect(read).toThrow(message);
  expect(read).not.toThrow(/abab/);
});

test("a login needs the database and its keys, and has Kite's addresses by default", () => {
  expect(readLoginConfig(DATABASE)).toEqual({
    ...DATABASE,
    KITE_API_ROOT: 'https://api.kite.trade',
    KITE_API_PREFIX: '',
    KITE_LOGIN_ROOT: 'https://kite.zerodha.com',
    KITE_REDIRECT_URL: 'http://127.0.0.1:8790/',
  });
  expect(readRotationConfig({ ...DATABASE, KITE_API_KEY: 'x' })).toEqual(DATABASE);
  expect(readDatabaseConfig({ ...DATABASE, KITE_API_KEY: 'x' })).toEqual({
    DATABASE_URL: DATABASE.DATABASE_URL,
  });
  expect(() => readRotationConfig({})).toThrow(/DATABASE_URL: is required; CREDENTIALS_KEYS: is required/);
});

test.each([
  'https://127.0.0.1:8790/',
  'http://example.com:8790/',
  'http://10.0.0.1:8790/',
  'http://127.0.0.1.example.com/',
  'http://127.0.0.1:8790/?a=1',
  'http://127.0.0.1:8790/#a',
  'localhost:8790',
])('%s is no place for a token to come back to', (url) => {
  expect(() => readLoginConfig({ ...DATABASE, KITE_REDIRECT_URL: url })).toThrow(
    /KITE_REDIRECT_URL: must be/,
  );
});

test('no value is repeated: it may be a secret', () => {
  const secret = 'hunter2-hunter2';
  const values = {
    ...REQUIRED,
    INGEST_SECRET: secret,
    EDGE_URL: secret,
    KITE_WS_ROOT: secret,
    TICKER_MODE: secret,
  };
  expect(() => readConfig({ ...values, STATUS_PORT: secret })).toThrow(/^(?!.*hunter2).*STATUS_PORT/);
});

test('names every variable that is wrong, at once', () => {
  expect(() => readConfig({})).toThrow(/KITE_API_KEY.*KITE_ACCESS_TOKEN.*EDGE_URL.*INGEST_SECRET/);
});

function withCalendarFile<T>(text: string, use: (path: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'ticker-edge-calendar-'));
  try {
    const path = join(directory, 'calendar.json');
    writeFileSync(path, text);
    return use(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const readCalendar = (SESSION_CALENDAR_FILE: string) =>
  readSessionCalendar({ MARKET_SESSION: 'calendar', SESSION_CALENDAR_FILE });
const christmasMs = Date.parse('2026-12-25T12:00:00+05:30');

test('the calendar is the built-in one, with what the file says on top', () => {
  expect(sessionsAt(readSessionCalendar(readConfig(REQUIRED)), christmasMs).NSE).toBe('closed');
  const specialDays = [
    { segments: ['NSE'], name: 'test', dates: ['2026-12-25'], phases: [['09:00', 'open']] },
  ];
  withCalendarFile(JSON.stringify({ specialDays }), (path) => {
    const sessions = sessionsAt(readCalendar(path), christmasMs);
    expect(sessions).toMatchObject({ NSE: 'open', BSE: 'closed', MCX: 'closed' });
    const simulated = readConfig({ ...REQUIRED, MARKET_SESSION: 'always_open', SESSION_CALENDAR_FILE: path });
    expect(readSessionCalendar(simulated)).toBe(ALWAYS_OPEN);
  });
});

test.each([
  ['no JSON', '{"hours":', /calendar\.json: .*JSON/],
  ['a misspelt list', '{"holiday":[]}', /holiday/],
  [
    'a segment that is none',
    '{"specialDays":[{"segments":["NYSE"],"name":"x","dates":[],"phases":[]}]}',
    /specialDays\.0\.segments\.0/,
  ],
  [
    'a date that is none',
    '{"hours":[{"segments":["NSE"],"from":"2026-13-01","phases":[]}]}',
    /2026-13-01 is not a date/,
  ],
  ['more than a calendar has', ' '.repeat(SESSION_CALENDAR_BYTES_MAX + 1), /bytes of at most/],
])('a file with %s is refused by name', (_what, text, message) => {
  withCalendarFile(text, (path) => {
    expect(() => readCalendar(path)).toThrow(/^SESSION_CALENDAR_FILE \//);
    expect(() => readCalendar(path)).toThrow(message);
  });
});

test('a file that is not there is refused by name', () => {
  expect(() => readCalendar('/nowhere/calendar.json')).toThrow(/SESSION_CALENDAR_FILE \/nowhere.*ENOENT/);
});

test.each([
  ['the forward with a rate that only discounts', {}, { model: 'forward', rate: 0.055, dividendYield: 0 }],
  [
    'the spot at the rate of NSE',
    { OPTION_GREEKS_MODEL: 'spot' },
    { model: 'spot', rate: 0.1, dividendYield: 0 },
  ],
  [
    'what is set',
    { OPTION_GREEKS_MODEL: 'spot', OPTION_GREEKS_INTEREST_RATE: '0', OPTION_GREEKS_DIVIDEND_YIELD: '0.012' },
    { model: 'spot', rate: 0, dividendYield: 0.012 },
  ],
])('options are valued by %s', (_, settings, expected) => {
  expect(greeksSettingsOf(readConfig({ ...REQUIRED, ...settings }))).toEqual(expected);
});

test.each(['-0.01', '5.5', 'ten'])('an interest rate of %s is refused', (rate) => {
  expect(() => readConfig({ ...REQUIRED, OPTION_GREEKS_INTEREST_RATE: rate })).toThrow(
    'OPTION_GREEKS_INTEREST_RATE',
  );
});
