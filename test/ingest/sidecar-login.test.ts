// A day of tokens for a whole sidecar: one dies, nobody hammers, somebody logs in, the ticks are back; no restart.
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFreePort } from '../../dev/free-port.ts';
import { systemClock } from '../../ingest/clock.ts';
import { readConfig } from '../../ingest/config.ts';
import { Accounts } from '../../ingest/kite/accounts.ts';
import { logIn } from '../../ingest/kite/login.ts';
import { RedirectListener } from '../../ingest/kite/redirect-listener.ts';
import { Sidecar } from '../../ingest/sidecar.ts';
import { type Simulator, startSimulator } from '../../ingest/simulator/simulator.ts';
import { constantSource } from '../../ingest/source.ts';
import { AccountStore } from '../../ingest/store/accounts.ts';
import { decodeBatch } from '../../shared/frame.ts';
import { shardOf } from '../../shared/shard.ts';
import { createTestDatabase } from '../support/database.ts';
import { KEYS, putAccount, vault } from './support/account-rows.ts';
import { eventually } from './support/eventually.ts';
import { FakeEdge } from './support/fake-edge.ts';
import { logInAsUser } from './support/kite-browser.ts';
import { recordingLog } from './support/recording-log.ts';

const SECRET = 'a secret of more than thirty-two characters';
const NIFTY = 256_265;

let sql: postgres.Sql;
let store: AccountStore;
let listener: RedirectListener;
let simulator: Simulator;
let edge: FakeEdge;
let sidecar: Sidecar;
const recording = recordingLog();

beforeAll(async () => {
  const url = await createTestDatabase();
  sql = postgres(url, { max: 2, onnotice: () => undefined });
  store = new AccountStore(url, 'host:tester@here');
  const redirectUrl = `http://127.0.0.1:${await findFreePort()}/`;
  listener = await RedirectListener.start(redirectUrl);
  const app = { apiKey: 'key-of-the-app', apiSecret: 'secret-of-the-app', accessToken: 'token-of-the-start' };
  simulator = await startSimulator({
    instrumentsCount: 20,
    ticksPerInstrumentPerSecond: 10,
    accounts: [{ ...app, userId: 'SIM001', redirectUrl }],
  });
  edge = await FakeEdge.start(SECRET);
  edge.answer = (post) => {
    if (post.path === '/ingest/status') return [200, { taken: true }];
    const { shard, epoch, seq } = decodeBatch(post.body);
    const items = shardOf(NIFTY) === shard ? [[NIFTY, 'full']] : [];
    return [200, { epoch, seq, boot: 1, demand: { version: 1, items } }];
  };
  await putAccount(sql, { id: 'primary', ...app });
  const config = readConfig({
    // A token of yesterday, as an environment that nobody has touched has it.
    KITE_API_KEY: app.apiKey,
    KITE_ACCESS_TOKEN: 'token-of-yesterday',
    KITE_API_ROOT: simulator.url,
    KITE_WS_ROOT: simulator.wsUrl,
    EDGE_URL: edge.url,
    INGEST_SECRET: SECRET,
    DATABASE_URL: url,
    CREDENTIALS_KEYS: KEYS,
    MARKET_SESSION: 'always_open',
  });
  const options = { config, clock: systemClock, random: () => 0, log: recording.log };
  const accounts = new Accounts({ ...options, onSecret: () => undefined });
  const followed = { accounts, logins: accounts, pinned: constantSource([]) };
  sidecar = new Sidecar({ ...options, ...followed, onSuperseded: () => undefined });
});

afterAll(async () => {
  sidecar?.stop();
  await listener?.stop();
  await simulator?.stop();
  await edge?.stop();
  await store?.close();
  await sql?.end();
});

const account = () => sidecar.status().accounts[0];
const ticks = () => edge.batches.reduce((sum, { tickCount }) => sum + tickCount, 0);

test('from one token to the next', { timeout: 60_000 }, async () => {
  sidecar.start();
  await eventually(() => expect(account()).toMatchObject({ state: 'ok', login: { state: 'valid' } }));
  await eventually(() => expect(ticks()).toBeGreaterThan(0));

  // Somebody logs out. What is open streams on: Kite looks at tokens when a socket is opened.
  const query = 'api_key=key-of-the-app&access_token=token-of-the-start';
  await fetch(`${simulator.url}/session/token?${query}`, { method: 'DELETE' });
  const before = ticks();
  await eventually(() => expect(ticks()).toBeGreaterThan(before));
  expect(account()).toMatchObject({ state: 'ok', login: { state: 'valid' } });

  simulator.run({ command: 'close_sockets', code: 1006 });
  await eventually(() =>
    expect(account()).toMatchObject({ state: 'unauthorized', login: { state: 'refused' } }),
  );
  expect(recording.lines.join('')).toContain('run="npm run kite:login -- --account primary"');
  const asked = recording.lines.filter((line) => line.includes('kite refused')).length;

  const [row] = await store.readForLogin();
  if (!row) throw new Error('no account');
  let page: Promise<unknown> = Promise.resolve();
  await logIn(row, {
    loginRoot: simulator.url,
    endpoint: { apiRoot: simulator.url, pathPrefix: '' },
    vault,
    store,
    listener,
    onUrl: (url) => {
      page = logInAsUser(url);
    },
    nowMs: Date.now,
    signal: new AbortController().signal,
  });
  await page;
  const after = ticks();
  await eventually(() => expect(account()).toMatchObject({ state: 'ok', login: { state: 'valid' } }));
  await eventually(() => expect(ticks()).toBeGreaterThan(after));
  expect(recording.lines.filter((line) => line.includes('kite refused'))).toHaveLength(asked);
  expect(recording.lines.join('')).not.toMatch(/token-of-the-(start|app)|secret-of-the-app/);
});
