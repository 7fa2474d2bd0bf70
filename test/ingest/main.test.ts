// The program as it is started: its first line, its end, and what it says when it cannot start.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeEdge } from './support/fake-edge.ts';
import { FakeKite } from './support/fake-kite.ts';

const SECRET = 'a secret of more than thirty-two characters';
const node = 'node_modules/.bin/node';
let edge: FakeEdge;
let kite: FakeKite;
let child: ChildProcess | undefined;

beforeEach(async () => {
  edge = await FakeEdge.start(SECRET);
  kite = await FakeKite.start();
});

afterEach(async () => {
  child?.kill('SIGKILL');
  await edge.stop();
  await kite.stop();
});

function start(environment: Readonly<Record<string, string>>) {
  const started = spawn(node, ['ingest/main.ts'], {
    env: {
      PATH: process.env.PATH,
      KITE_API_KEY: 'kite-key-1234',
      KITE_ACCESS_TOKEN: 'kite-token-5678',
      KITE_API_ROOT: edge.url,
      KITE_WS_ROOT: kite.url,
      EDGE_URL: edge.url,
      INGEST_SECRET: SECRET,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = started;
  const said = { text: '' };
  started.stderr.on('data', (chunk: Buffer) => {
    said.text += chunk.toString();
  });
  const lines = createInterface(started.stdout);
  return { started, said, firstLine: () => once(lines, 'line').then(([line]) => String(line)) };
}

test('says where its status is, serves it, and ends cleanly on a signal', { timeout: 30_000 }, async () => {
  edge.answer = ({ path }) => (path === '/ingest/status' ? [200, {}] : [503, 'no shard']);
  const { started, said, firstLine } = start({});
  const ready = JSON.parse(await firstLine());
  expect(ready).toEqual({ ready: true, status: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
  const status = await (await fetch(`${ready.status}/status`)).json();
  expect(status).toMatchObject({ running: true, accounts: [{ id: 'primary' }] });
  started.kill('SIGTERM');
  const [code] = await once(started, 'exit');
  expect(code).toBe(0);
  expect(said.text).not.toContain('kite-token-5678');
  expect(said.text).toMatch(/WARN {2}orders are off: there is no DATABASE_URL/);
});

test('without its settings it names them and ends with 1', { timeout: 30_000 }, async () => {
  const { started, said } = start({ INGEST_SECRET: 'hunter2-hunter2', EDGE_URL: '' });
  const [code] = await once(started, 'exit');
  expect(code).toBe(1);
  expect(said.text).toMatch(
    /^sidecar did not start: settings are wrong: EDGE_URL: is required; INGEST_SECRET: /,
  );
  expect(said.text).not.toContain('hunter2');
});

test('when a later sidecar is active it ends with 3', { timeout: 30_000 }, async () => {
  edge.answer = () => [409, { error: 'ingest_superseded' }];
  const { started, said } = start({ LOG_FORMAT: 'json' });
  const [code] = await once(started, 'exit');
  expect(code).toBe(3);
  expect(said.text).toContain('"message":"another sidecar is active, this one ends"');
});
