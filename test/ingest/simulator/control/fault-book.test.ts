// Faults that stand: whom they meet, when they end, how often they happen, and that chance is the seed's.
import { expect, test } from 'vitest';
import type { FaultInput } from '../../../../ingest/simulator/control/fault.ts';
import { FaultBook } from '../../../../ingest/simulator/control/fault-book.ts';
import {
  SIMULATOR_DRIP_BYTES_PER_S_MAX,
  SIMULATOR_FAULT_MS_MAX,
  SIMULATOR_FAULTS_MAX,
  SIMULATOR_MALFORMED_ROWS_MAX,
  SIMULATOR_REST_DELAY_MS_MAX,
} from '../../../../shared/limits.ts';

function makeBook(seed = 1) {
  const clock = { nowMs: 1_000 };
  return { clock, book: new FaultBook(seed, () => clock.nowMs) };
}

const one = { apiKey: 'key_1', userId: 'U1', socket: 1 };
const other = { apiKey: 'key_2', userId: 'U2', socket: 2 };

test('a fault meets all, an account by either name, or one socket', () => {
  const { book } = makeBook();
  const meets = (fault: FaultInput) => {
    book.clear();
    book.add(fault);
    return [one, other].map((subject) => book.standing('stall', subject) !== undefined);
  };
  expect(meets({ kind: 'stall' })).toEqual([true, true]);
  expect(meets({ kind: 'stall', account: 'key_1' })).toEqual([true, false]);
  expect(meets({ kind: 'stall', account: 'U2' })).toEqual([false, true]);
  expect(meets({ kind: 'stall', socket: 2 })).toEqual([false, true]);
  expect(meets({ kind: 'stall', account: 'U1', socket: 2 })).toEqual([false, false]);
  expect(meets({ kind: 'quiet' })).toEqual([false, false]);
});

test('a request is met by method and by path with all below it', () => {
  const { book } = makeBook();
  book.add({ kind: 'rest_html', status: 502, method: 'GET', path: '/quote' });
  const met = (method: string, path: string) =>
    book.happening(['rest_html'], { apiKey: undefined, method, path }) !== undefined;
  expect(met('GET', '/quote')).toBe(true);
  expect(met('GET', '/quote/ltp')).toBe(true);
  expect(met('GET', '/quotes')).toBe(false);
  expect(met('POST', '/quote')).toBe(false);
});

test('the first one that was added wins', () => {
  const { book } = makeBook();
  const first = book.add({ kind: 'rest_status', status: 429, times: 1 });
  book.add({ kind: 'rest_html', status: 200 });
  const next = () => book.happening(['rest_html', 'rest_status'], { path: '/' })?.fault.status;
  expect([next(), next(), next()]).toEqual([429, 200, 200]);
  expect(book.list()[0]).toMatchObject({ id: first, happened: 1 });
});

test('a fault ends by itself, to the millisecond, or when it is removed', () => {
  const { book, clock } = makeBook();
  const id = book.add({ kind: 'stall', for_ms: 500 });
  clock.nowMs += 499;
  expect(book.standing('stall', one)).toMatchObject({ kind: 'stall', heartbeats: false });
  expect(book.list()).toEqual([
    { id, fault: { kind: 'stall', heartbeats: false, for_ms: 500 }, remaining_ms: 1, happened: 0 },
  ]);
  clock.nowMs += 1;
  expect(book.standing('stall', one)).toBeUndefined();
  expect(book.list()).toEqual([]);
  const next = book.add({ kind: 'stall' });
  expect(next).toBe(id + 1);
  expect(book.remove(next)).toBe(true);
  expect(book.remove(next)).toBe(false);
  expect(book.standing('stall', one)).toBeUndefined();
});

test('chance is the seed’s, and of each fault its own', () => {
  const draw = (seed: number, withOther: boolean) => {
    const { book } = makeBook(seed);
    book.add({ kind: 'rest_reset', probability: 0.3 });
    book.add({ kind: 'corrupt', how: ['noise'], probability: 0.5 });
    return Array.from({ length: 1_000 }, () => {
      if (withOther) book.happening(['corrupt'], one);
      return book.happening(['rest_reset'], { path: '/' }) !== undefined;
    });
  };
  const drawn = draw(7, false);
  expect(draw(7, true)).toEqual(drawn);
  expect(draw(8, false)).not.toEqual(drawn);
  const share = drawn.filter(Boolean).length / drawn.length;
  expect(share).toBeGreaterThan(0.25);
  expect(share).toBeLessThan(0.35);
});

test('what cannot be is refused by field, and so is one fault too many', () => {
  const { book } = makeBook();
  const wrong: [FaultInput, string][] = [
    [{ kind: 'stall', for_ms: SIMULATOR_FAULT_MS_MAX + 1 }, 'for_ms'],
    [{ kind: 'drip', bytes_per_s: SIMULATOR_DRIP_BYTES_PER_S_MAX + 1 }, 'bytes_per_s'],
    [{ kind: 'rest_delay', ms: SIMULATOR_REST_DELAY_MS_MAX + 1 }, 'ms'],
    [{ kind: 'malformed_rows', rows: SIMULATOR_MALFORMED_ROWS_MAX + 1 }, 'rows'],
    [{ kind: 'refuse_upgrade', status: 200 }, 'status'],
    [{ kind: 'corrupt', how: [] }, 'how'],
    [{ kind: 'rest_reset', probability: 0 }, 'probability'],
    [{ kind: 'stall', socket: 0 }, 'socket'],
    [{ kind: 'rest_hang', path: 'quote' }, 'path'],
    [{ kind: 'stall', acount: 'U1' } as FaultInput, 'acount'],
  ];
  for (const [fault, field] of wrong) expect(() => book.add(fault), field).toThrow(field);
  for (let count = 0; count < SIMULATOR_FAULTS_MAX; count++) book.add({ kind: 'quiet', for_ms: 10 });
  expect(() => book.add({ kind: 'quiet' })).toThrow(`at most ${SIMULATOR_FAULTS_MAX} faults`);
});
