// Whether the holder of a lease still runs: certain only of processes that this machine can see.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { currentHolder, isHolderGone } from '../../ingest/lease-holder.ts';

const self = currentHolder();

test('a process of this machine is there until it has ended', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const holder = { ...self, id: 'other', processId: child.pid ?? 0 };
  expect(isHolderGone(holder, self)).toBe(false);
  child.kill('SIGSTOP');
  expect(isHolderGone(holder, self)).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isHolderGone(holder, self)).toBe(true);
  for (const machine of ['another boot', undefined]) {
    expect(isHolderGone({ ...holder, machine }, self)).toBe(false);
    expect(isHolderGone(holder, { ...self, machine })).toBe(false);
  }
});

test('an earlier process that had our number has ended, and we have not', () => {
  expect(isHolderGone({ ...self, id: 'earlier' }, self)).toBe(true);
  expect(isHolderGone(self, self)).toBe(false);
  expect(currentHolder().id).not.toBe(self.id);
});

test('a number that is none says nothing', () => {
  for (const processId of [0, -1])
    expect(isHolderGone({ ...self, id: 'other', processId }, self)).toBe(false);
});
