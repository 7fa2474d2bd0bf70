// Looks at the book: when they are due, and how long nothing has to be found before that means something.
import { expect, test } from 'vitest';
import { LookSchedule } from '../../../../ingest/core/orders/look-schedule.ts';
import {
  ORDER_LATE_LOOK_INTERVAL_MS,
  ORDER_LOOK_INTERVAL_MS,
  ORDER_LOOK_OFFSETS_MS,
  ORDER_LOOKED_MS_MIN,
} from '../../../../shared/limits.ts';

/** Looks whenever one is due, of which those at `failing` fail; when each was, until the search ends. */
function search(failing: (atMs: number) => boolean = () => false): number[] {
  const looks = new LookSchedule();
  looks.await('task', 'search', 0);
  const triedMs: number[] = [];
  for (;;) {
    const atMs = looks.dueAtMs();
    looks.onTried(atMs);
    triedMs.push(atMs);
    if (!failing(atMs) && looks.onNotFound('task', atMs)) return triedMs;
  }
}

test('at 0.5, 1, 2, 4, 8, 15, 30 and 60 s, then each minute, for 120 s of looks', () => {
  const after = [120_000, 180_000];
  expect(ORDER_LOOK_OFFSETS_MS).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000]);
  expect(search()).toEqual([...ORDER_LOOK_OFFSETS_MS, ...after]);
});

test('a look that failed is none: the 120 s begin with the first that did not', () => {
  const triedMs = search((atMs) => atMs < 100_000);
  expect(triedMs.at(-1)).toBeGreaterThanOrEqual(100_000 + ORDER_LOOKED_MS_MIN);
});

test('a look that was started before the outcome was unknown is none', () => {
  const looks = new LookSchedule();
  looks.await('task', 'search', 1_000);
  expect(looks.onNotFound('task', 999)).toBe(false);
  expect(looks.onNotFound('task', 1_000)).toBe(false);
  expect(looks.onNotFound('task', 999 + ORDER_LOOKED_MS_MIN)).toBe(false);
  expect(looks.onNotFound('task', 1_000 + ORDER_LOOKED_MS_MIN)).toBe(true);
});

test('to release a task one look suffices, and none before its time', () => {
  const looks = new LookSchedule();
  looks.await('task', 'release', 5_000);
  expect(looks.dueAtMs()).toBe(5_000);
  expect(looks.onNotFound('task', 4_999)).toBe(false);
  looks.onTried(5_000);
  expect(looks.dueAtMs()).toBe(5_500);
  expect(looks.onNotFound('task', 5_000)).toBe(true);
  // One that a row which cannot be read keeps back is not asked for twice a second until it is too old.
  looks.onTried(65_000);
  expect(looks.dueAtMs()).toBe(65_000 + ORDER_LOOK_INTERVAL_MS);
});

test('open orders are watched each minute, and given up ones now and then', () => {
  const looks = new LookSchedule();
  looks.await('open', 'watch', 0);
  expect(looks.dueAtMs()).toBe(ORDER_LOOK_INTERVAL_MS);
  looks.forget('open');
  looks.await('given up', 'late', 0);
  expect(looks.dueAtMs()).toBe(ORDER_LATE_LOOK_INTERVAL_MS);
});

test('who waits for the same goes on, who waits for something else begins anew', () => {
  const looks = new LookSchedule();
  looks.await('task', 'search', 0);
  looks.await('task', 'search', 100_000);
  expect(looks.dueAtMs()).toBe(500);
  looks.await('task', 'watch', 100_000);
  expect(looks.dueAtMs()).toBe(160_000);
});

test('what was found is looked for anew when it is gone', () => {
  const looks = new LookSchedule();
  looks.await('task', 'watch', 0);
  expect(looks.onNotFound('task', 0)).toBe(false);
  looks.onFound('task');
  expect(looks.onNotFound('task', ORDER_LOOKED_MS_MIN)).toBe(false);
  expect(looks.onNotFound('task', 2 * ORDER_LOOKED_MS_MIN)).toBe(true);
});
