import { expect, test } from 'vitest';
import { DemandBook, type DemandLimits } from '../../../ingest/core/demand.ts';
import type { DemandItem } from '../../../shared/frame.ts';
import { DEMAND_LINGER_MS, SIDECAR_INSTRUMENTS_MAX } from '../../../shared/limits.ts';
import { tokensOfShard } from '../support/books.ts';

const LIMITS: DemandLimits = { capacity: 100, modeMax: 'full', exists: () => true };
const [a, b, c, d] = tokensOfShard(0, 4) as [never, never, never, never];
const [x, y] = tokensOfShard(1, 2) as [never, never];
const full = (...tokens: DemandItem[0][]): DemandItem[] => tokens.map((token) => [token, 'full']);

test('the demand of all shards is one set, each shard replacing only its own part', () => {
  const book = new DemandBook();
  book.replace(
    0,
    [
      [a, 'ltp'],
      [b, 'full'],
    ],
    0,
  );
  book.replace(1, [[x, 'quote']], 0);
  book.replace(
    0,
    [
      [a, 'quote'],
      [b, 'full'],
    ],
    10,
  );
  expect([...book.desired(LIMITS).modes]).toEqual([
    [a, 'quote'],
    [b, 'full'],
    [x, 'quote'],
  ]);
});

test('a wish that ended lingers, comes back to life, and at last is forgotten', () => {
  const book = new DemandBook();
  book.replace(0, full(a, b), 0);
  book.replace(0, full(a), 1_000);
  expect(book.expire(1_000 + DEMAND_LINGER_MS - 1)).toBe(false);
  expect([...book.desired(LIMITS).modes.keys()]).toEqual([a, b]);
  book.replace(0, full(a, b), 30_000);
  book.replace(0, full(a), 40_000);
  expect(book.expire(1_000 + DEMAND_LINGER_MS)).toBe(false);
  expect(book.expire(40_000 + DEMAND_LINGER_MS)).toBe(true);
  expect([...book.desired(LIMITS).modes.keys()]).toEqual([a]);
});

test('over capacity, those placed first stay, those that linger yield, and the rest is reported', () => {
  const book = new DemandBook();
  book.replace(0, full(a, b), 0);
  book.replace(1, full(x), 1);
  book.replace(0, full(b), 2);
  const limits = { ...LIMITS, capacity: 2 };
  expect([...book.desired(limits).modes.keys()]).toEqual([b, x]);
  book.replace(1, full(x, y), 3);
  expect(book.desired(limits)).toMatchObject({ notPlaced: [y] });
  expect([...book.desired(limits).modes.keys()]).toEqual([b, x]);
  book.replace(1, full(y), 4);
  expect([...book.desired(limits).modes.keys()]).toEqual([b, y]);
});

test('of those that linger, the last to be wanted get the room that is left', () => {
  const book = new DemandBook();
  book.replace(0, full(a, b, c, d), 0);
  book.replace(0, full(b, c, d), 1);
  book.replace(0, full(c, d), 2);
  book.replace(0, full(d), 3);
  expect([...book.desired({ ...LIMITS, capacity: 2 }).modes.keys()]).toEqual([d, c]);
});

test('no mode is above the ceiling', () => {
  const book = new DemandBook();
  book.replace(
    0,
    [
      [a, 'full'],
      [b, 'ltp'],
    ],
    0,
  );
  book.replace(0, [[a, 'full']], 1);
  expect([...book.desired({ ...LIMITS, modeMax: 'quote' }).modes]).toEqual([
    [a, 'quote'],
    [b, 'ltp'],
  ]);
});

test('what is not in the list yet is counted, and streamed once it is', () => {
  const book = new DemandBook();
  book.replace(0, full(a, b), 0);
  expect(book.desired({ ...LIMITS, exists: (token) => token === a })).toMatchObject({
    unknownCount: 1,
    notPlaced: [],
  });
  expect(book.desired(LIMITS).modes.size).toBe(2);
});

test('a shard cannot ask for the instruments of another', () => {
  const book = new DemandBook();
  book.replace(0, full(a, x), 0);
  expect(book.misroutedCount).toBe(1);
  expect([...book.desired(LIMITS).modes.keys()]).toEqual([a]);
});

test('demand that changes all the time does not grow memory: over the limit nothing lingers', () => {
  const book = new DemandBook();
  const tokens = tokensOfShard(0, SIDECAR_INSTRUMENTS_MAX + 2);
  const half = SIDECAR_INSTRUMENTS_MAX / 2 + 1;
  book.replace(0, full(...tokens.slice(0, half)), 0);
  book.replace(0, full(...tokens.slice(half)), 1);
  const unlimited = { ...LIMITS, capacity: Number.MAX_SAFE_INTEGER };
  expect(book.desired(unlimited).modes.size).toBe(SIDECAR_INSTRUMENTS_MAX);
});

test('what is pinned streams without clients, in the higher of its two modes with them, and goes with its pin', () => {
  const book = new DemandBook();
  book.setPinned([
    { token: a, mode: 'quote' },
    { token: x, mode: 'ltp', accountId: 'second' },
  ]);
  expect(book.pinnedCount).toBe(2);
  expect([...book.desired(LIMITS).modes]).toEqual([
    [a, 'quote'],
    [x, 'ltp'],
  ]);
  book.replace(
    0,
    [
      [a, 'ltp'],
      [b, 'ltp'],
    ],
    0,
  );
  book.replace(1, [[x, 'full']], 0);
  expect([...book.desired(LIMITS).modes]).toEqual([
    [a, 'quote'],
    [x, 'full'],
    [b, 'ltp'],
  ]);
  // Nobody wants it any more: the pin alone says what is streamed, also while the wish lingers.
  book.replace(1, [], 1);
  expect(book.desired(LIMITS).modes.get(x)).toBe('ltp');
  book.setPinned([]);
  expect([...book.desired(LIMITS).modes]).toEqual([
    [a, 'ltp'],
    [b, 'ltp'],
    [x, 'full'],
  ]);
});

test('pinned instruments have room before those that clients want, and are reported when they have none', () => {
  const book = new DemandBook();
  book.replace(0, full(a, b), 0);
  book.setPinned([
    { token: x, mode: 'full' },
    { token: y, mode: 'full' },
  ]);
  expect([...book.desired({ ...LIMITS, capacity: 3 }).modes.keys()]).toEqual([x, y, a]);
  expect(book.desired({ ...LIMITS, capacity: 3 }).notPlaced).toEqual([b]);
  expect(book.desired({ ...LIMITS, capacity: 1 })).toMatchObject({ notPlaced: [y, a, b] });
  const unknown = book.desired({ ...LIMITS, exists: (token) => token !== x && token !== a });
  expect([[...unknown.modes.keys()], unknown.notPlaced, unknown.unknownCount]).toEqual([[y, b], [], 2]);
});
