import { expect, test } from 'vitest';
import { readDial } from '../../../worker/core/dial.ts';

function read(epoch?: string, time?: string) {
  const headers: Record<string, string | undefined> = { 'x-ingest-epoch': epoch, 'x-ingest-time': time };
  return readDial({ get: (name) => headers[name] ?? null });
}

test('a dial has an epoch and a time, both in milliseconds', () => {
  expect(read('1764000000000', '1764000000001')).toEqual({
    epoch: 1_764_000_000_000,
    signedAtMs: 1_764_000_000_001,
  });
});

test.each([
  [undefined, '1764000000001'],
  ['1764000000000', undefined],
  ['', '1764000000001'],
  ['-764000000000', '1764000000001'],
  ['1764000000000.5', '1764000000001'],
  ['17640000000000', '1764000000001'],
  ['1764000000000', ' 1764000000001'],
])('epoch %j, time %j is none', (epoch, time) => expect(read(epoch, time)).toBeUndefined());
