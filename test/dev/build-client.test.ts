// The SDK as applications get it: one module without imports, that runs as it is, and types that hold them to it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildClient } from '../../dev/build-client.ts';

const COMPILER = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc');
/** As served without compression; gzip leaves a third of it. */
const MODULE_BYTES_MAX = 80 * 1024;

let folder: string;
let built: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ticker-edge-client-'));
  built = join(folder, 'built');
  await buildClient(built);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(built, join(folder, 'node_modules/ticker-client'));
  const types = './types/client/index.d.ts';
  const manifest = {
    name: 'ticker-client',
    type: 'module',
    exports: { '.': { types, default: './index.js' } },
  };
  writeFileSync(join(built, 'package.json'), JSON.stringify(manifest));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('is one small module that imports nothing', async () => {
  const text = readFileSync(join(built, 'index.js'), 'utf8');
  expect(text).not.toMatch(/\bimport\b[^.]|\brequire\(/);
  expect(text.length).toBeLessThan(MODULE_BYTES_MAX);
  const module = await import(pathToFileURL(join(built, 'index.js')).href);
  const client = new module.TickerClient({ url: 'ws://127.0.0.1:1/ws/ticks', token: 't' });
  expect(client.state).toEqual({ kind: 'idle' });
  expect(() => client.subscribe(['RELIANCE'])).toThrow(module.AppError);
  client.close();
});

function compile(text: string): string {
  writeFileSync(join(folder, 'application.ts'), text);
  const options = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--lib',
    'es2023,dom',
  ];
  try {
    execFileSync(process.execPath, [COMPILER, ...options, '--types', '', 'application.ts'], { cwd: folder });
    return '';
  } catch (error) {
    return String((error as { stdout: Buffer }).stdout);
  }
}

test('an application is compiled against the types alone', () => {
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const setUp = `
    import { TickerClient, type Tick } from 'ticker-client';
    const client = new TickerClient({ url: 'wss://host/ws/ticks', token: async () => 'jwt', WebSocket });
    const subscription = client.subscribe(['NSE:RELIANCE', 256265], { mode: 'quote', speed: 250 });
  `;
  const good = `
    client.on('tick', (tick: Tick) => console.log(tick.last_price?.toFixed(2)));
    client.on('state', (state) => { if (state.kind === 'waiting') console.log(state.retryInMs); });
    for await (const { tradingsymbol } of subscription) console.log(tradingsymbol);
    export {};
  `;
  expect(compile(setUp + good)).toBe('');
  expect(compile(`${setUp} client.subscribe([1], { speed: 50 });`)).toContain("'50' is not assignable");
  expect(compile(`${setUp} client.on('tock', () => undefined);`)).toContain('tock');
  expect(compile(`${setUp} client.last(1)!.last_price.toFixed();`)).toContain('possibly');
}, 60_000);
