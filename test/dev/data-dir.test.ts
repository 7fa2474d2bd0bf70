import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDataDir } from '../../dev/data-dir.ts';
import { API_KEY_PATTERN } from '../../shared/api-key.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ticker-edge-data-'));
});
afterEach(() => rmSync(home, { recursive: true }));

test('makes its secrets once, for the owner only', async () => {
  const path = join(home, 'deep', 'data');
  const first = await openDataDir(path);
  first.release();
  const second = await openDataDir(path);
  expect(second.secrets).toEqual(first.secrets);
  expect(statSync(join(path, 'secrets.json')).mode & 0o777).toBe(0o600);
  const other = await openDataDir(join(home, 'other'));
  expect(other.secrets.ingestSecret).not.toBe(first.secrets.ingestSecret);
  // The sidecar refuses a secret of less.
  expect(first.secrets.ingestSecret.length).toBeGreaterThanOrEqual(32);
});

test('completes the secrets of an earlier version and keeps those that were there', async () => {
  mkdirSync(join(home, 'postgres'));
  const file = join(home, 'secrets.json');
  writeFileSync(file, JSON.stringify({ ingestSecret: 'old', databasePassword: 'old' }));
  const first = await openDataDir(home);
  expect(first.secrets).toMatchObject({ ingestSecret: 'old', databasePassword: 'old' });
  expect(first.secrets.apiKey).toMatch(API_KEY_PATTERN);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(first.secrets);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const written = statSync(file).mtimeMs;
  expect((await openDataDir(home)).secrets).toEqual(first.secrets);
  expect(statSync(file).mtimeMs).toBe(written);
});

test('is refused while another runner that lives holds it, and free once that is gone', async () => {
  writeFileSync(join(home, 'runner.pid'), String(process.ppid));
  await expect(openDataDir(home)).rejects.toThrow(`in use by process ${process.ppid}`);
  // No system hands out an id as high as this.
  writeFileSync(join(home, 'runner.pid'), '999999999');
  const opened = await openDataDir(home);
  opened.release();
  expect(readdirSync(home)).toEqual(['secrets.json']);
});

test('is refused when its secrets are gone but its database is there', async () => {
  mkdirSync(join(home, 'postgres'));
  await expect(openDataDir(home)).rejects.toThrow('secrets.json is gone');
  expect(readdirSync(home)).toEqual(['postgres']);
});
