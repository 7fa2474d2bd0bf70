// The daily login while the whole system runs: the command finds it, and nothing is restarted.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { findFreePort } from '../../dev/free-port.ts';
import { redirectOf } from '../ingest/support/kite-browser.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { StreamClient } from '../support/stream-client.ts';

const NIFTY = 256_265;

let stack: TestStack;
let client: StreamClient;
let child: ChildProcess | undefined;

beforeAll(async () => {
  stack = await startTestStack({ instrumentsCount: 50, simulatorArgs: ['--accounts', '2'] });
  client = new StreamClient(`${stack.info.ws}?token=${stack.info.token}`, [NIFTY]).start();
});
afterAll(async () => {
  child?.kill('SIGKILL');
  client?.stop();
  await stack?.stop();
});

interface Account {
  readonly id: string;
  readonly state: string;
  readonly login: string;
  readonly user_id: string | null;
  readonly token_issued_at: string;
  readonly capacity: { readonly used: number };
}

async function accounts(): Promise<readonly Account[]> {
  const headers = { 'x-api-key': stack.info.apiKey };
  const response = await fetch(`${stack.info.url}/accounts`, { headers });
  return ((await response.json()) as { accounts: Account[] }).accounts;
}

const within = { timeout: 30_000, interval: 100 };

/** What the command has printed for the account. */
const addressIn = (said: () => string, id: string) =>
  vi.waitFor(() => {
    const address = new RegExp(`account ${id}: log in at\\s+(\\S+)`).exec(said())?.[1];
    if (address === undefined) throw new Error(said());
    return address;
  }, within);

test('the accounts of the simulator log in anew, one after the other, and the ticks go on', async () => {
  await vi.waitFor(async () => {
    expect(await accounts()).toMatchObject([
      { id: 'account_2', state: 'ok', login: 'valid', user_id: null },
      { id: 'primary', state: 'ok', login: 'valid', user_id: null },
    ]);
  }, within);
  const before = await accounts();
  const sidecarPid = stack.pid('sidecar');

  const redirectUrl = `http://127.0.0.1:${await findFreePort()}/back`;
  const command = ['dev/with-settings.ts', 'ingest/kite-login.ts', '--all', '--data-dir', stack.dataDir];
  const started = spawn(process.execPath, command, {
    env: { PATH: process.env.PATH, KITE_REDIRECT_URL: redirectUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  let said = '';
  started.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = once(started, 'close');
  for (const { id } of before) {
    // The simulator sends to its default; this command listens at a port of its own.
    const { search } = new URL(await redirectOf(await addressIn(() => said, id)));
    expect((await fetch(redirectUrl + search)).status).toBe(200);
  }
  expect((await ended)[0]).toBe(0);

  await vi.waitFor(async () => {
    const after = await accounts();
    expect(after).toMatchObject([
      { state: 'ok', login: 'valid', user_id: 'SIM001_2' },
      { state: 'ok', login: 'valid', user_id: 'SIM001' },
    ]);
    for (const [i, { token_issued_at }] of after.entries())
      expect(token_issued_at).not.toBe(before[i]?.token_issued_at);
  }, within);
  const sinceMs = Date.now();
  await vi.waitFor(
    () => expect(Date.parse(client.last.get(NIFTY)?.received_at ?? '')).toBeGreaterThan(sinceMs),
    within,
  );
  expect([stack.pid('sidecar'), client.connects]).toEqual([sidecarPid, 1]);
  const health = await (await fetch(`${stack.info.url}/health`)).json();
  expect(health).toMatchObject({ status: 'ok', ticker: { accounts: [{ login: { state: 'valid' } }, {}] } });
  expect(stack.logs()).not.toContain('refused');
});
