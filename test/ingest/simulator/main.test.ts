// The program: its ready line, its flags, and a clean stop.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

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
