// Who wants what: a model of plain maps beside it, under any sequence of changes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ModeRank } from '../../../shared/tick.ts';
import { SPEEDS } from '../../../worker/core/protocol.ts';
import { Subscriptions, sessionOfMember, termsOfMember } from '../../../worker/core/subscriptions.ts';
import { rankOfTerms, type Terms, termsOf } from '../../../worker/core/terms.ts';

const SESSIONS = 6;
const SLOTS = 5;

type Change =
  | readonly ['set', session: number, slot: number, terms: Terms]
  | readonly ['remove', session: number, slot: number]
  | readonly ['drop', session: number];

const session = fc.nat(SESSIONS - 1);
const slot = fc.nat(SLOTS - 1);
const anyTerms = fc
  .tuple(fc.constantFrom<ModeRank>(1, 2, 3), fc.constantFrom(...SPEEDS))
  .map(([rank, speed]) => termsOf(rank, speed));
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('set'), session, slot, anyTerms) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('remove'), session, slot) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('drop'), session) },
);

function compare(subscriptions: Subscriptions, model: readonly Map<number, Terms>[]): void {
  expect(subscriptions.total).toBe(model.reduce((sum, slots) => sum + slots.size, 0));
  for (const [index, slots] of model.entries()) {
    expect(new Map(subscriptions.of(index))).toEqual(slots);
    expect(subscriptions.countOf(index)).toBe(slots.size);
  }
  for (let s = 0; s < SLOTS; s++) {
    const expected = model.flatMap((slots, index) => (slots.has(s) ? [[index, slots.get(s)]] : []));
    const members = subscriptions.membersOf(s).map((m) => [sessionOfMember(m), termsOfMember(m)]);
    expect(members.sort()).toEqual(expected.sort());
    const ranks = expected.map(([, terms]) => rankOfTerms(terms as Terms));
    expect(subscriptions.rankOf(s)).toBe(Math.max(0, ...ranks));
    for (let index = 0; index < SESSIONS; index++) {
      expect(subscriptions.has(index, s)).toBe(model[index]?.has(s) ?? false);
      expect(subscriptions.termsFor(index, s)).toBe(model[index]?.get(s) ?? 0);
    }
  }
}

test('any sequence of changes leaves both directions as a plain map of maps has them', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const subscriptions = new Subscriptions();
      const model = Array.from({ length: SESSIONS }, () => new Map<number, Terms>());
      for (const [kind, index, s = 0, terms = 1] of changes) {
        const slots = model[index] as Map<number, Terms>;
        if (kind === 'set') {
          subscriptions.set(index, s, terms);
          slots.set(s, terms);
        } else if (kind === 'remove') {
          expect(subscriptions.remove(index, s)).toBe(slots.delete(s));
        } else {
          expect(subscriptions.drop(index).sort()).toEqual([...slots.keys()].sort());
          slots.clear();
        }
      }
      compare(subscriptions, model);
    }),
    { numRuns: 500 },
  );
});

test('a session’s change leaves every other session’s subscription of the slot alone', () => {
  const subscriptions = new Subscriptions();
  for (let index = 0; index < 2_000; index++) subscriptions.set(index, 7, 3);
  subscriptions.set(1_000, 7, 1);
  subscriptions.remove(500, 7);
  subscriptions.drop(1_999);
  expect(subscriptions.membersOf(7)).toHaveLength(1_998);
  for (const index of [0, 499, 501, 1_998]) expect([...subscriptions.of(index)]).toEqual([[7, 3]]);
  expect(subscriptions.rankOf(7)).toBe(3);
});

test('of what nobody ever wanted there is nothing', () => {
  const subscriptions = new Subscriptions();
  expect([subscriptions.membersOf(3), subscriptions.rankOf(3), subscriptions.remove(1, 3)]).toEqual([
    [],
    0,
    false,
  ]);
  expect([subscriptions.drop(1), subscriptions.countOf(1), [...subscriptions.of(1)]]).toEqual([[], 0, []]);
});

test('terms of one slot in all modes and speeds stay apart, and the highest mode is wanted whatever its speed', () => {
  const subscriptions = new Subscriptions();
  const all = ([1, 2, 3] as const).flatMap((rank) => SPEEDS.map((speed) => termsOf(rank, speed)));
  for (const [index, terms] of all.entries()) subscriptions.set(index, 0, terms);
  expect(subscriptions.membersOf(0).map(termsOfMember)).toEqual(all);
  expect(new Set(all).size).toBe(12);
  for (let index = 8; index < 12; index++) subscriptions.remove(index, 0);
  expect(subscriptions.rankOf(0)).toBe(2);
});
