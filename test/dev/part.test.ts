import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { LAST_LINES_MAX, PART_RESTART_MS_MAX, PART_RESTART_MS_MIN } from '../../dev/limits.ts';
import { Part, type PartPolicy, type ReadyLine, restartDelayMs } from '../../dev/part.ts';
import { processName } from '../../dev/process-table.ts';

let directory: string;
const parts: Part[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ticker-edge-part-'));
});
afterEach(async () => {
  await Promise.all(parts.splice(0).map((part) => part.stop()));
});
afterAll(() => rmSync(directory, { recursive: true }));

let programs = 0;
function program(code: string): string {
  const path = join(directory, `program-${programs++}.mjs`);
  writeFileSync(path, code);
  return path;
}

const READY =
  'console.log(JSON.stringify({ ready: true, greeting: process.env.GREETING, own: process.pid }));';
const SERVES = `${READY} setInterval(() => {}, 1000);`;

function createPart(code: string, env: Record<string, string> = {}, policy: Partial<PartPolicy> = {}) {
  const seen = { lines: [] as string[], ready: [] as ReadyLine[], givenUp: [] as string[] };
  const part = new Part(
    { name: 'sample', program: [program(code)], env },
    {
      onLine: (line) => seen.lines.push(line),
      onReady: (ready) => seen.ready.push(ready),
      onGivenUp: (reason) => seen.givenUp.push(reason),
    },
    policy,
  );
  parts.push(part);
  return { part, seen };
}

const gone = (pid: number) => vi.waitFor(() => expect(processName(pid)).toBeUndefined(), { timeout: 10_000 });

test('is ready when it says so, with its environment; other lines are passed on', async () => {
  const { part, seen } = createPart(`console.log('one'); console.error('two'); ${SERVES}`, {
    GREETING: 'hello',
  });
  const ready = await part.start();
  expect(ready).toMatchObject({ ready: true, greeting: 'hello', own: part.pid });
  await vi.waitFor(() => expect(seen.lines.sort()).toEqual(['one', 'two']));
  const pid = part.pid as number;
  await part.stop();
  expect(processName(pid)).toBeUndefined();
  expect(part.pid).toBeUndefined();
  await part.stop();
});

test('a program that ends before it is ready fails the start with its last words', async () => {
  const { part, seen } = createPart("console.error('port 1 is taken'); process.exitCode = 3;");
  await expect(part.start()).rejects.toThrow('sample ended before it was ready (exit 3)\nport 1 is taken');
  expect(seen.ready).toEqual([]);
});

test('only the last words of a talkative program are repeated', async () => {
  const { part } = createPart(`for (let i = 1; i <= ${3 * LAST_LINES_MAX}; i++) console.error('line ' + i);`);
  const message = await part.start().then(
    () => 'started',
    (error: Error) => error.message,
  );
  const words = message.split('\n').slice(1);
  expect(words).toHaveLength(LAST_LINES_MAX);
  expect(words.at(-1)).toBe(`line ${3 * LAST_LINES_MAX}`);
});

test('one that is never ready is killed, and so is one that does not want to stop', async () => {
  const mute = createPart('setInterval(() => {}, 1000);', {}, { readyMsMax: 300 });
  await expect(mute.part.start()).rejects.toThrow('sample ended before it was ready (SIGKILL)');

  const deaf = createPart(`process.on('SIGTERM', () => {}); ${SERVES}`, {}, { stopMsMax: 50 });
  await deaf.part.start();
  const pid = deaf.part.pid as number;
  await deaf.part.stop();
  expect(processName(pid)).toBeUndefined();
});

test('a part that is killed comes back with another process; one that is stopped does not', async () => {
  const { part, seen } = createPart(SERVES);
  await part.start();
  const killed = part.kill();
  await vi.waitFor(() => expect(seen.ready).toHaveLength(2), { timeout: 10_000 });
  expect(part.pid).not.toBe(killed);
  expect(seen.lines).toEqual([`ended (SIGKILL), starting again in ${PART_RESTART_MS_MIN} ms`]);

  part.kill();
  await vi.waitFor(() => expect(seen.lines).toHaveLength(2));
  await part.stop();
  expect(() => part.kill()).toThrow('sample is not running');
});

test('restart replaces the process', async () => {
  const { part, seen } = createPart(SERVES);
  await part.start();
  const before = part.pid as number;
  await part.restart();
  expect(part.pid).not.toBe(before);
  expect(processName(before)).toBeUndefined();
  expect(seen.ready).toHaveLength(2);
});

test('a part that keeps dying is given up', async () => {
  const policy = { delayMsMin: 1, delayMsMax: 1, deathsMax: 3, windowMs: 60_000 };
  const { part, seen } = createPart(READY, {}, policy);
  await part.start();
  await vi.waitFor(() => expect(seen.givenUp).toHaveLength(1), { timeout: 20_000 });
  expect(seen.givenUp).toEqual(['sample ended 4 times in 60 s, last: exit 0']);
  expect(seen.ready).toHaveLength(4);
}, 30_000);

test('waits between restarts double and stay bounded', () => {
  expect([1, 2, 3].map((deaths) => restartDelayMs(deaths))).toEqual(
    [1, 2, 4].map((factor) => factor * PART_RESTART_MS_MIN),
  );
  expect(restartDelayMs(1_000)).toBe(PART_RESTART_MS_MAX);
});

test('stop waits for what SIGTERM starts', async () => {
  const { part, seen } = createPart(
    `process.on('SIGTERM', () => { console.log('closing'); setTimeout(() => process.exit(0), 50); }); ${SERVES}`,
  );
  await part.start();
  await part.stop();
  expect(seen.lines).toEqual(['closing']);
});

test('a part reports another serving process, and a new one later', async () => {
  const { part, seen } = createPart(
    'console.log(\'{"ready":true,"pid":1000001}\'); process.stdin.once(\'data\', () => 0);' +
      'console.log(\'{"ready":true,"pid":1000002}\'); setInterval(() => {}, 1000);',
  );
  await part.start();
  await vi.waitFor(() => expect(seen.ready).toHaveLength(2));
  expect(part.pid).toBe(1_000_002);
});

test('the parts of a runner that was killed outright end by themselves', async () => {
  const child = program(SERVES);
  const runner = program(`
    import { Part } from ${JSON.stringify(new URL('../../dev/part.ts', import.meta.url).href)};
    const events = { onLine() {}, onReady(ready) { console.log(ready.own); }, onGivenUp() {} };
    await new Part({ name: 'child', program: [${JSON.stringify(child)}], env: {} }, events).start();
  `);
  const parent = spawn(process.execPath, [runner], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = await once(parent.stdout, 'data');
  const pid = Number(String(text));
  expect(processName(pid)).toBeDefined();
  parent.kill('SIGKILL');
  await gone(pid);
});
