import { expect, test } from 'vitest';
import { readConfig } from '../../ingest/config.ts';

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
    KITE_WS_ROOT: 'wss://ws.kite.trade/',
    KITE_WS_PARAMETERS: '',
    TICK_BATCH_WINDOW_MS: 100,
    TICK_BATCH_MAX_SIZE: 1_000,
    TICKER_MODE: 'full',
    MAX_INSTRUMENTS_PER_WS: 3_000,
    MAX_WS_CONNECTIONS: 3,
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
  ['TICK_BATCH_MAX_SIZE', '2001', /TICK_BATCH_MAX_SIZE: .*2000/],
  ['MAX_INSTRUMENTS_PER_WS', '3001', /MAX_INSTRUMENTS_PER_WS: .*3000/],
  ['MAX_WS_CONNECTIONS', '4', /MAX_WS_CONNECTIONS: .*3/],
  ['TICKER_MODE', 'all', /TICKER_MODE: /],
])('names %s when it is %j', (name, value, message) => {
  const read = () => readConfig({ ...REQUIRED, [name]: value });
  expect(read).toThrow(message);
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
