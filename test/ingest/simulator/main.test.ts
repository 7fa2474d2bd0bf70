// The program: its ready line, its flags, and a clean stop.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import type { Simulator } from '../../../ingest/simulator/simulator.ts';
import { SIMULATOR_ACCOUNTS_MAX, SIMULATOR_ORDER_ADDRESSES_MAX } from '../../../shared/limits.ts';

const program = new URL('../../../ingest/simulator/main.ts', import.meta.url).pathname;

function run(args: string[], env: Record<string, string> = {}) {
  return spawn('node', [program, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Exit code, and what was written to stderr. */
async function ended(child: ReturnType<typeof run>): Promise<{ code: number; errors: string }> {
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, errors };
}

test('prints one JSON line when it listens, serves, and stops on SIGTERM', async () => {
  const child = run(['--instruments-count', '60', '--seed', '7', '--rate', '2'], {
    SIM_API_KEY: 'a',
    SIM_ACCESS_TOKEN: 'b',
    SIM_USER_ID: 'U1',
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const ready = JSON.parse(line);
  expect(ready).toMatchObject({ ready: true });
  expect(ready.ws).toBe(`${ready.api.replace('http', 'ws')}/`);
  const headers = { authorization: 'token a:b' };
  const profile = await fetch(`${ready.api}/user/profile`, { headers });
  expect(await profile.json()).toMatchObject({ data: { user_id: 'U1' } });
  const dump = await (await fetch(`${ready.api}/instruments`)).text();
  expect(dump.trimEnd().split('\r\n')).toHaveLength(61);
  const end = ended(child);
  child.kill('SIGTERM');
  expect(await end).toEqual({ code: 0, errors: '' });
});

test('says in one line what is wrong with a flag or a port', async () => {
  const flag = await ended(run(['--rate=-3']));
  expect(flag.code).toBe(1);
  expect(flag.errors).toMatch(/^simulator: rate: .+\n$/);
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const address = holder.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const taken = await ended(run(['--port', String(port)]));
  holder.close();
  expect(taken.code).toBe(1);
  expect(taken.errors).toMatch(/^simulator: .*EADDRINUSE.*\n$/);
  expect(taken.errors).toContain(String(port));
});

test('accounts, a clock, daily tokens and a list of one’s own, by flags', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'simulator-main-'));
  const file = join(directory, 'dump.csv');
  writeFileSync(file, 'instrument_token,tradingsymbol,exchange\n408065,INFY,NSE\n');
  const flags = [
    '--accounts',
    '3',
    '--clock',
    '2026-11-24T05:59:00+05:30',
    '--daily-tokens',
    '--instruments',
    file,
  ];
  const child = run(flags, { SIM_API_KEY: 'a', SIM_REDIRECT_URL: 'http://127.0.0.1:1/' });
  const end = ended(child);
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const response = await fetch(`${JSON.parse(line).api}/_simulator`);
    const { data } = (await response.json()) as { data: Simulator['state'] };
    expect(data).toMatchObject({ trading_date: '2026-11-24', instruments: 1 });
    expect(data.clock.now).toMatch(/^2026-11-24 0(5:59|6:)/);
    expect(data.accounts.map((account) => account.api_key)).toEqual(['a', 'a_2', 'a_3']);
    expect(data.accounts[2]).toMatchObject({ user_id: 'SIM001_3', redirect_url: 'http://127.0.0.1:1/' });
  } finally {
    child.kill('SIGTERM');
    rmSync(directory, { recursive: true });
  }
  expect(await end).toEqual({ code: 0, errors: '' });
});

test.each([
  [['--accounts', String(SIMULATOR_ACCOUNTS_MAX + 1)], /^simulator: accounts: .+\n$/],
  [['--clock', 'noon'], /^simulator: clock: .+\n$/],
  [['--instruments', '/nowhere.csv'], /^simulator: instruments file \/nowhere\.csv: ENOENT.*\n$/],
  [
    ['--instruments', 'a', '--instruments-count', '5'],
    /^simulator: instruments and instruments-count: .+\n$/,
  ],
])('%j is refused', async (flags, reason) => {
  const { code, errors } = await ended(run(flags));
  expect(code).toBe(1);
  expect(errors).toMatch(reason);
});

test('postbacks and the addresses of order writes: what cannot be is named', async () => {
  const addresses = Array.from({ length: SIMULATOR_ORDER_ADDRESSES_MAX + 1 }, (_, i) => `192.0.2.${i}`);
  const many = await ended(run(['--order-addresses', addresses.join(',')]));
  expect(many).toMatchObject({ code: 1, errors: expect.stringMatching(/^simulator: order-addresses: /) });
  const name = await ended(run(['--order-addresses', 'localhost']));
  expect(name).toMatchObject({ code: 1, errors: expect.stringContaining('order-addresses') });
  const url = await ended(run(['--postback-url', 'here']));
  expect(url).toMatchObject({ code: 1, errors: expect.stringMatching(/^simulator: postback-url: /) });
});
