import { expect, test } from 'vitest';
import { DemandBook, type DemandLimits } from '../../../ingest/core/demand.ts';
import type { DesiredInstrument } from '../../../ingest/core/placement.ts';
import type { DemandItem } from '../../../shared/frame.ts';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { DEMAND_LINGER_MS, SIDECAR_INSTRUMENTS_MAX } from '../../../shared/limits.ts';
import { tokensOfShard } from '../support/books.ts';

const LIMITS: DemandLimits = { modeMax: 'full', exists: () => true };
const [a, b, c, d] = tokensOfShard(0, 4) as [never, never, never, never];
const [x, y] = tokensOfShard(1, 2) as [never, never];
const modesOf = (book: DemandBook, limits = LIMITS) =>
  book.desired(limits).items.map(({ token, mode }) => [token, mode]);
const tokensOf = (book: DemandBook) => book.desired(LIMITS).items.map(({ token }) => token);
const prioritiesOf = (book: DemandBook) =>
  book.desired(LIMITS).items.map(({ token, priority }) => [token, priority]);
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
  expect(modesOf(book)).toEqual([
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
  expect(tokensOf(book)).toEqual([a, b]);
  book.replace(0, full(a, b), 30_000);
  book.replace(0, full(a), 40_000);
  expect(book.expire(1_000 + DEMAND_LINGER_MS)).toBe(false);
  expect(book.expire(40_000 + DEMAND_LINGER_MS)).toBe(true);
  expect(tokensOf(book)).toEqual([a]);
});

test('those wanted come in the order in which they came, then those that linger, the last to be wanted first', () => {
  const book = new DemandBook();
  book.replace(0, full(a, b, c, d), 0);
  book.replace(1, full(x), 1);
  book.replace(0, full(b, c, d), 2);
  book.replace(0, full(c, d), 3);
  book.replace(1, full(y, x), 4);
  expect(prioritiesOf(book)).toEqual([
    [c, 'demand'],
    [d, 'demand'],
    [x, 'demand'],
    [y, 'demand'],
    [b, 'lingering'],
    [a, 'lingering'],
  ]);
  // Who comes back has the old place.
  book.replace(0, full(a, c, d), 5);
  expect(prioritiesOf(book).slice(0, 3)).toEqual([
    [a, 'demand'],
    [c, 'demand'],
    [d, 'demand'],
  ]);
});

test('pinned instruments come first, once, and in the higher mode of pin and wish', () => {
  const book = new DemandBook();
  book.replace(0, full(a, b), 0);
  book.setPinned([
    { token: b, mode: 'quote' },
    { token: x, mode: 'full', accountId: 'second' },
    { token: a, mode: 'full' },
  ]);
  book.replace(0, [[a, 'ltp']], 1);
  expect(book.desired(LIMITS).items).toEqual([
    // The wish lingers, and its mode with it.
    { token: b, mode: 'full', priority: 'pinned' },
    { token: x, mode: 'full', priority: 'pinned', preferredAccountId: 'second' },
    { token: a, mode: 'full', priority: 'pinned' },
  ]);
  book.expire(1 + DEMAND_LINGER_MS);
  expect(modesOf(book)[0]).toEqual([b, 'quote']);
  book.setPinned([]);
  expect(prioritiesOf(book)).toEqual([[a, 'demand']]);
});

test('of a token that is pinned twice the last counts; one that is not in the list is counted', () => {
  const book = new DemandBook();
  book.setPinned([
    { token: a, mode: 'full' },
    { token: a, mode: 'ltp' },
    { token: b, mode: 'full' },
  ]);
  const desired = book.desired({ ...LIMITS, exists: (token) => token === a });
  expect(desired).toEqual({
    items: [{ token: a, mode: 'ltp', priority: 'pinned' }],
    overflow: [],
    unknownCount: 1,
  });
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
  expect(modesOf(book, { ...LIMITS, modeMax: 'quote' })).toEqual([
    [a, 'quote'],
    [b, 'ltp'],
  ]);
});

test('what is not in the list yet is counted, and streamed once it is', () => {
  const book = new DemandBook();
  book.replace(0, full(a, b), 0);
  expect(book.desired({ ...LIMITS, exists: (token) => token === a })).toMatchObject({
    unknownCount: 1,
    overflow: [],
  });
  expect(tokensOf(book).length).toBe(2);
});

test('a shard cannot ask for the instruments of another', () => {
  const book = new DemandBook();
  book.replace(0, full(a, x), 0);
  expect(book.misroutedCount).toBe(1);
  expect(tokensOf(book)).toEqual([a]);
});

test('demand that changes all the time does not grow memory: over the limit nothing lingers', () => {
  const book = new DemandBook();
  const tokens = tokensOfShard(0, SIDECAR_INSTRUMENTS_MAX + 2);
  const half = SIDECAR_INSTRUMENTS_MAX / 2 + 1;
  book.replace(0, full(...tokens.slice(0, half)), 0);
  book.replace(0, full(...tokens.slice(half)), 1);
  expect(tokensOf(book)).toHaveLength(SIDECAR_INSTRUMENTS_MAX);
});

test('more than the sidecar can have to do with is left over by name: pinned ones last, what lingers not at all', () => {
  const book = new DemandBook();
  const tokens = tokensOfShard(0, SIDECAR_INSTRUMENTS_MAX);
  book.replace(
    0,
    tokens.map((token) => [token, 'full']),
    0,
  );
  const others = tokensOfShard(1, 3);
  book.setPinned(others.slice(0, 2).map((token) => ({ token, mode: 'ltp' })));
  book.replace(1, full(...others.slice(2)), 1);
  book.replace(1, [], 2);
  const { items, overflow } = book.desired(LIMITS);
  expect(items).toHaveLength(SIDECAR_INSTRUMENTS_MAX);
  expect(items.slice(0, 2).map(({ priority }) => priority)).toEqual(['pinned', 'pinned']);
  expect(overflow).toEqual(tokens.slice(-2));
});

test('what Greeks need comes after what is wanted, in the highest mode, and is asked for with what is wanted alone', () => {
  const book = new DemandBook();
  book.replace(0, full(a, b), 0);
  book.replace(0, [[a, 'ltp']], 1);
  book.setPinned([{ token: x, mode: 'quote' }]);
  const asked: InstrumentToken[][] = [];
  const supportOf = (wished: readonly DesiredInstrument[]) => {
    asked.push(wished.map(({ token }) => token));
    return new Set([a, b, c]);
  };
  expect(book.desired({ ...LIMITS, supportOf }).items).toEqual([
    { token: x, mode: 'quote', priority: 'pinned' },
    { token: a, mode: 'full', priority: 'demand' },
    { token: b, mode: 'full', priority: 'support' },
    { token: c, mode: 'full', priority: 'support' },
  ]);
  expect(asked).toEqual([[x, a]]);
});

test('support goes no further than there is memory', () => {
  const book = new DemandBook();
  const many = (count: number, from: number) =>
    Array.from({ length: count }, (_, i) => (from + i) as InstrumentToken);
  book.setPinned(many(SIDECAR_INSTRUMENTS_MAX - 1, 1).map((token) => ({ token, mode: 'full' })));
  const support = new Set(many(3, SIDECAR_INSTRUMENTS_MAX));
  const { items, overflow } = book.desired({ ...LIMITS, supportOf: () => support });
  expect([items.length, overflow]).toEqual([SIDECAR_INSTRUMENTS_MAX, []]);
});
