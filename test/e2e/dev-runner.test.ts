import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type DevJson, PART_NAMES } from '../../dev/dev-json.ts';
import { findFreePort } from '../../dev/free-port.ts';
import { processName } from '../../dev/process-table.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const healthy = async (url: string) => expect((await fetch(`${url}/health`)).status).toBe(200);

describe('parts that die', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack({ instrumentsCount: 100 });
  });
  afterAll(() => stack?.stop());

  test('dev.json says what runs', async () => {
    const file = JSON.parse(readFileSync(join(stack.dataDir, 'dev.json'), 'utf8')) as DevJson;
    expect(file).toEqual(stack.info);
    expect(Object.keys(file.pids).sort()).toEqual(['dev', ...PART_NAMES].sort());
    expect(file.pids.dev).toBe(process.pid);
    expect(processName(file.pids.workerd as number)).toBe('workerd');
    expect(processName(file.pids.database as number)).toBe('postgres');
    await healthy(file.url);
    const sql = postgres(file.postgres, { max: 1 });
    expect(await sql`select name from schema_migrations order by name limit 1`).toEqual([
      { name: '0001_instruments.sql' },
    ]);
    await sql.end();
    const revoked = await fetch(`${file.url}/auth/revoke`, {
      method: 'POST',
      headers: { 'x-api-key': file.apiKey },
      body: JSON.stringify({ user_id: 'nobody' }),
    });
    expect([revoked.status, await revoked.json()]).toMatchObject([202, { user_id: 'nobody' }]);
  });

  test.each(PART_NAMES)('%s comes back by itself at the same address', async (name) => {
    const before = stack.pid(name);
    const back = stack.nextReady(name);
    stack.kill(name);
    await back;
    expect(stack.pid(name)).not.toBe(before);
    const file = JSON.parse(readFileSync(join(stack.dataDir, 'dev.json'), 'utf8')) as DevJson;
    expect(file.pids[name]).toBe(stack.pid(name));
    await vi.waitFor(() => healthy(stack.info.url), { timeout: 10_000 });
    if (name === 'database') {
      const sql = postgres(stack.info.postgres, { max: 1 });
      expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
      await sql.end();
    }
    if (name === 'userService') expect((await fetch(`${stack.info.userService}/health`)).status).toBe(200);
  });

  test('workerd comes back when the process that minds it dies too', async () => {
    const workerd = stack.pid('workerd') as number;
    const stat = readFileSync(`/proc/${workerd}/stat`, 'utf8');
    const host = Number(/\) \S (\d+)/.exec(stat)?.[1]);
    const back = stack.nextReady('workerd');
    process.kill(host, 'SIGKILL');
    await back;
    expect(processName(workerd)).toBeUndefined();
    await healthy(stack.info.url);
  });
});

describe('the command', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'ticker-edge-command-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  function run(port: number) {
    const args = ['dev/main.ts', '--port', String(port), '--data-dir', dataDir, '--instruments-count', '50'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const output = { text: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      output.text += chunk.toString();
    });
    return { child, output, exited: once(child, 'close') as Promise<[number | null, string | null]> };
  }

  async function ready(output: { text: string }): Promise<DevJson> {
    const file = join(dataDir, 'dev.json');
    await vi.waitFor(() => expect(existsSync(file), output.text).toBe(true), {
      timeout: 60_000,
      interval: 100,
    });
    return JSON.parse(readFileSync(file, 'utf8')) as DevJson;
  }

  const allGone = (pids: DevJson['pids']) =>
    vi.waitFor(
      () => expect(Object.entries(pids).filter(([, pid]) => processName(pid) !== undefined)).toEqual([]),
      { timeout: 15_000, interval: 50 },
    );

  test('stops every child at Ctrl-C and starts again on the same data', async () => {
    const port = await findFreePort();
    const first = run(port);
    const { pids, url, postgres: database } = await ready(first.output);
    await healthy(url);
    const sql = postgres(database, { max: 1, onnotice: () => undefined });
    await sql`create table kept as select 7 as id`;
    await sql.end();
    first.child.kill('SIGINT');
    expect(await first.exited).toEqual([0, null]);
    await allGone(pids);
    expect(existsSync(join(dataDir, 'dev.json'))).toBe(false);
    expect(first.output.text).toContain(`http://127.0.0.1:${port}/#token=ey`);

    const second = run(port);
    const again = await ready(second.output);
    const kept = postgres(again.postgres, { max: 1 });
    expect(await kept`select id from kept`).toEqual([{ id: 7 }]);
    await kept.end();
    second.child.kill('SIGTERM');
    expect(await second.exited).toEqual([0, null]);
    await allGone(again.pids);
  });

  test('leaves no orphans when it is killed outright', async () => {
    const { child, output, exited } = run(await findFreePort());
    const { pids } = await ready(output);
    child.kill('SIGKILL');
    await exited;
    await allGone(pids);
  });

  test('names a taken port and how to choose another, and leaves nothing behind', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { output, exited } = run(port);
    expect(await exited).toEqual([1, null]);
    expect(output.text).toContain(`port ${port} is taken`);
    expect(output.text).toContain('--port 9000');
    server.close();
  });

  test('stopped before it is ready, it stops what it had started', async () => {
    const { child, output, exited } = run(await findFreePort());
    await vi.waitFor(() => expect(output.text).toContain('userService | ready'), {
      timeout: 30_000,
      interval: 10,
    });
    child.kill('SIGINT');
    expect(await exited).toEqual([1, null]);
    expect(existsSync(join(dataDir, 'runner.pid'))).toBe(false);
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
  });
});
