import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localSettings, splitDataDir } from '../../dev/with-settings.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ticker-edge-settings-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function writeLocalSystem(kite?: object): string {
  const dataDir = join(home, 'data');
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'dev.json'), JSON.stringify({ postgres: 'postgres://local', kite }));
  writeFileSync(join(dataDir, 'secrets.json'), JSON.stringify({ credentialsKeys: 'dev:00' }));
  return dataDir;
}

test('of a system that does not run there are none', () => {
  expect(localSettings(home)).toEqual({});
});

test('of one that runs they are its database and keys, and its simulator if it has one', () => {
  const kite = { api: 'http://127.0.0.1:7', ws: 'ws://127.0.0.1:7/' };
  expect(localSettings(writeLocalSystem(kite))).toEqual({
    DATABASE_URL: 'postgres://local',
    CREDENTIALS_KEYS: 'dev:00',
    KITE_API_ROOT: 'http://127.0.0.1:7',
    KITE_LOGIN_ROOT: 'http://127.0.0.1:7',
  });
});

test('the folder is taken out of the arguments of the program', () => {
  expect(splitDataDir(['--all'])).toEqual({ dataDir: '.data', rest: ['--all'] });
  expect(splitDataDir(['--account', 'x', '--data-dir', '/d', '--open'])).toEqual({
    dataDir: '/d',
    rest: ['--account', 'x', '--open'],
  });
  expect(() => splitDataDir(['--data-dir'])).toThrow('--data-dir: PATH is missing');
});

test('the program runs with them, the environment comes first, and its exit code is handed on', async () => {
  const dataDir = writeLocalSystem();
  const program = join(home, 'program.mjs');
  writeFileSync(
    program,
    'console.log(process.env.DATABASE_URL, process.env.CREDENTIALS_KEYS, ...process.argv.slice(2)); process.exit(7);',
  );
  const child = spawn(
    'node_modules/.bin/node',
    ['dev/with-settings.ts', program, '--data-dir', dataDir, '--all'],
    { env: { PATH: process.env.PATH, CREDENTIALS_KEYS: 'mine:11' }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = await once(child, 'close');
  expect([said, code]).toEqual(['postgres://local mine:11 --all\n', 7]);
});
