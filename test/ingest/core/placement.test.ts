import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Availability,
  type DesiredInstrument,
  isWished,
  type PlacementPlan,
  type PlannedSocket,
  PRIORITIES,
  type Priority,
  planPlacement,
  type Subscriptions,
} from '../../../ingest/core/placement.ts';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import type { TickMode } from '../../../shared/tick.ts';

type Entry = readonly [token: number, mode: TickMode];
const carrying = (entries: readonly Entry[]) => new Map(entries) as Map<InstrumentToken, TickMode>;
const full = (...tokens: number[]) => carrying(tokens.map((token) => [token, 'full']));

function wish(token: number, priority: Priority = 'demand', mode: TickMode = 'full'): DesiredInstrument {
  return { token: token as InstrumentToken, mode, priority };
}

function socket(
  id: string,
  instrumentsMax: number,
  subscriptions: Subscriptions = full(),
  availability: Availability = 'ready',
): PlannedSocket {
  return { id, accountId: id.split('/')[0] as string, instrumentsMax, availability, subscriptions };
}

/** The sockets after the moves; each move must be possible where it is made. */
function afterwards(sockets: readonly PlannedSocket[], plan: PlacementPlan): PlannedSocket[] {
  return sockets.map((before) => {
    const subscriptions = new Map(before.subscriptions);
    const { unsubscribe = [], subscribe = [], changeMode = [] } = plan.moves.get(before.id) ?? {};
    for (const token of unsubscribe) expect(subscriptions.delete(token)).toBe(true);
    for (const [token, mode] of changeMode) {
      expect(subscriptions.get(token)).not.toBe(mode);
      expect(subscriptions.has(token)).toBe(true);
      subscriptions.set(token, mode);
    }
    for (const [token, mode] of subscribe) {
      expect(subscriptions.has(token)).toBe(false);
      subscriptions.set(token, mode);
    }
    return { ...before, subscriptions };
  });
}

const carried = (sockets: readonly PlannedSocket[]) =>
  sockets.map(({ subscriptions }) => [...subscriptions.keys()]);
const isUsable = ({ availability }: PlannedSocket) => availability !== 'away';
const movesOf = ({ moves }: PlacementPlan, kind: 'subscribe' | 'unsubscribe' | 'changeMode') =>
  [...moves.values()].reduce((sum, move) => sum + move[kind].length, 0);

describe('examples', () => {
  test('new instruments go to the least loaded socket, old ones stay where they are', () => {
    const sockets = [socket('a/0', 10, full(1, 2)), socket('a/1', 10)];
    const plan = planPlacement(
      [wish(1), wish(2, 'demand', 'quote'), wish(3, 'demand', 'ltp'), wish(4)],
      sockets,
    );
    expect([...plan.moves]).toEqual([
      ['a/0', { unsubscribe: [], subscribe: [], changeMode: [[2, 'quote']] }],
      [
        'a/1',
        {
          unsubscribe: [],
          subscribe: [
            [3, 'ltp'],
            [4, 'full'],
          ],
          changeMode: [],
        },
      ],
    ]);
  });

  test('instruments are spread over all accounts, those of each priority too', () => {
    const sockets = ['a/0', 'a/1', 'b/0', 'b/1'].map((id) => socket(id, 10));
    const items = Array.from({ length: 12 }, (_, i) => wish(i + 1, i < 4 ? 'pinned' : 'demand'));
    expect(carried(afterwards(sockets, planPlacement(items, sockets)))).toEqual([
      [1, 5, 9],
      [2, 6, 10],
      [3, 7, 11],
      [4, 8, 12],
    ]);
  });

  test('what has no room is reported, and takes the room that others leave', () => {
    const plan = planPlacement([wish(2), wish(3), wish(4)], [socket('a/0', 2, full(1, 2))]);
    expect([...plan.moves.values()]).toEqual([
      { unsubscribe: [1], subscribe: [[3, 'full']], changeMode: [] },
    ]);
    expect(plan.notPlaced).toEqual([4]);
  });

  test('the instruments of a lost socket go where there is room, pinned ones first; the rest wait for its return', () => {
    const sockets = [
      socket('a/0', 3, full(1, 2, 3), 'away'),
      socket('b/0', 3, full(4)),
      socket('c/0', 1, full(5)),
    ];
    const items = [wish(3, 'pinned'), wish(1), wish(2), wish(4), wish(5)];
    const plan = planPlacement(items, sockets);
    const after = afterwards(sockets, plan);
    expect(carried(after)).toEqual([[2], [4, 3, 1], [5]]);
    expect(plan.notPlaced).toEqual([2]);
    // It is back: what waited streams again without a move, and nothing returns to it that streams elsewhere.
    const back = after.map((each) => ({ ...each, availability: 'ready' as const }));
    expect(planPlacement(items, back)).toEqual({ moves: new Map(), notPlaced: [] });
  });

  test('a pinned instrument takes the place of the last wish, and a wish that of one that lingers', () => {
    const sockets = [socket('a/0', 3, full(1, 2, 3))];
    const pinned = planPlacement([wish(9, 'pinned'), wish(1), wish(2), wish(3, 'lingering')], sockets);
    expect(carried(afterwards(sockets, pinned))).toEqual([[1, 2, 9]]);
    // Nobody misses what only lingered.
    expect(pinned.notPlaced).toEqual([]);
    const two = planPlacement([wish(8, 'pinned'), wish(9, 'pinned'), wish(1), wish(2), wish(3)], sockets);
    expect(carried(afterwards(sockets, two))).toEqual([[1, 8, 9]]);
    expect(two.notPlaced).toEqual([2, 3]);
  });

  test('of one priority those that stream keep their place', () => {
    const sockets = [socket('a/0', 1, full(2)), socket('b/0', 1, full(1), 'away')];
    const plan = planPlacement([wish(1), wish(2)], sockets);
    expect(plan.moves.size).toBe(0);
    expect(plan.notPlaced).toEqual([1]);
  });

  test('a preferred account is taken while it has room, and is not worth a move', () => {
    const preferring = (token: number, preferredAccountId: string) => ({
      ...wish(token, 'pinned'),
      preferredAccountId,
    });
    const sockets = [socket('a/0', 5, full(1)), socket('b/0', 2, full()), socket('c/0', 5, full(), 'away')];
    const items = [preferring(1, 'b'), preferring(2, 'b'), preferring(3, 'b'), preferring(4, 'b')];
    const plan = planPlacement([...items, preferring(5, 'c'), preferring(6, 'unknown'), wish(7)], sockets);
    expect(carried(afterwards(sockets, plan))).toEqual([[1, 7, 4, 5, 6], [2, 3], []]);
    expect(plan.notPlaced).toEqual([]);
  });

  test('a doubtful socket keeps what it has, and is given more only when no other has room', () => {
    const sockets = [socket('a/0', 3, full(1), 'doubtful'), socket('b/0', 2, full(2))];
    const items = [wish(1), wish(2), wish(3)];
    const after = afterwards(sockets, planPlacement(items, sockets));
    expect(carried(after)).toEqual([[1], [2, 3]]);
    expect(carried(afterwards(after, planPlacement([...items, wish(4)], after)))).toEqual([
      [1, 4],
      [2, 3],
    ]);
  });

  test('a socket whose capacity was lowered gives its lowest priorities to others', () => {
    const sockets = [socket('a/0', 1, full(1, 2, 3)), socket('b/0', 1)];
    const plan = planPlacement([wish(1), wish(2, 'pinned'), wish(3)], sockets);
    expect(carried(afterwards(sockets, plan))).toEqual([[2], [1]]);
    expect(plan.notPlaced).toEqual([3]);
  });

  test('an instrument that is on two sockets stays on the one that streams', () => {
    const sockets = [socket('a/0', 2, full(1), 'away'), socket('b/0', 2, full(1)), socket('c/0', 2, full(1))];
    const plan = planPlacement([wish(1)], sockets);
    expect(movesOf(plan, 'subscribe')).toBe(0);
    expect(carried(afterwards(sockets, plan))).toEqual([[], [1], []]);
  });

  test('an instrument that is desired twice is a mistake of the caller', () => {
    expect(() => planPlacement([wish(1), wish(1, 'pinned')], [])).toThrow(/1 instruments desired twice/);
  });

  test('without sockets nothing has a place', () => {
    const desired = [wish(1), wish(2, 'lingering'), wish(3, 'support')];
    expect(planPlacement(desired, [])).toEqual({ moves: new Map(), notPlaced: [1] });
  });
});

const mode = fc.constantFrom<TickMode>('ltp', 'quote', 'full');
const availability = fc.constantFrom<Availability>('ready', 'ready', 'doubtful', 'away');
const token = fc.integer({ min: 1, max: 60 });
const desiredItem = fc.record({
  token,
  mode,
  priority: fc.constantFrom<Priority>(...PRIORITIES),
  accountId: fc.option(fc.constantFrom('a', 'b', 'nobody'), { nil: undefined, freq: 4 }),
});

/** Sorted by priority, as the sidecar's list is, or in any order. */
const desiredList = fc
  .tuple(
    fc.uniqueArray(desiredItem, { selector: (item) => item.token, maxLength: 60, size: 'max' }),
    fc.boolean(),
  )
  .map(([items, isSorted]) => {
    const list = items.map(
      ({ accountId, ...item }): DesiredInstrument => ({
        ...item,
        token: item.token as InstrumentToken,
        ...(accountId === undefined ? {} : { preferredAccountId: accountId }),
      }),
    );
    const rank = ({ priority }: DesiredInstrument) => PRIORITIES.indexOf(priority);
    return isSorted ? list.sort((a, b) => rank(a) - rank(b)) : list;
  });

const SOCKET_IDS = ['a/0', 'a/1', 'b/0', 'b/1', 'c/0'];
const shape = fc.record({ availability, instrumentsMax: fc.integer({ min: 0, max: 20 }) });
const shapes = fc.array(shape, { minLength: 0, maxLength: SOCKET_IDS.length });

/** Sockets in any state, over their capacity and with instruments that others have too, as no plan would leave them. */
const brokenSockets = fc
  .array(fc.tuple(shape, fc.array(fc.tuple(token, mode), { maxLength: 25, size: 'max' })), {
    maxLength: SOCKET_IDS.length,
  })
  .map((all) =>
    all.map(([{ instrumentsMax, availability }, entries], number) =>
      socket(SOCKET_IDS[number] as string, instrumentsMax, carrying(entries), availability),
    ),
  );

/** Sockets as plans leave them: nobody over capacity, no instrument twice. */
const soundSockets = fc
  .tuple(
    shapes,
    fc.uniqueArray(fc.tuple(token, mode), { selector: ([each]) => each, maxLength: 60, size: 'max' }),
  )
  .map(([all, entries]) => {
    const left = [...entries];
    return all.map(({ instrumentsMax, availability }, number) =>
      socket(
        SOCKET_IDS[number] as string,
        instrumentsMax,
        carrying(left.splice(0, instrumentsMax)),
        availability,
      ),
    );
  });

/** How many of each priority a set of sockets can stream at best: the higher ones first, whatever streams now. */
function streamingByPriority(desired: readonly DesiredInstrument[], sockets: readonly PlannedSocket[]) {
  let room = sockets.filter(isUsable).reduce((sum, { instrumentsMax }) => sum + instrumentsMax, 0);
  return PRIORITIES.map((priority) => {
    const count = Math.min(room, desired.filter((item) => item.priority === priority).length);
    room -= count;
    return count;
  });
}

function expectSound(desired: readonly DesiredInstrument[], sockets: readonly PlannedSocket[]): void {
  const plan = planPlacement(desired, sockets);
  const after = afterwards(sockets, plan);
  const wishes = new Map(desired.map((item) => [item.token as number, item]));
  // Never over a limit, never twice, never what nobody desires, never in another mode.
  for (const { subscriptions, instrumentsMax } of after) {
    expect(subscriptions.size).toBeLessThanOrEqual(instrumentsMax);
    for (const [token, mode] of subscriptions) expect(wishes.get(token)?.mode).toBe(mode);
  }
  const all = carried(after).flat();
  expect(new Set(all).size).toBe(all.length);
  // Never lost while there is room, and no priority starves for a lower one.
  const streaming = carried(after.filter(isUsable)).flat();
  const counts = PRIORITIES.map(
    (priority) => streaming.filter((token) => wishes.get(token)?.priority === priority).length,
  );
  expect(counts).toEqual(streamingByPriority(desired, sockets));
  const missing = desired.filter(({ token, priority }) => isWished(priority) && !streaming.includes(token));
  expect(plan.notPlaced).toEqual(missing.map(({ token }) => token));
  // What was planned is what is left to do: nothing.
  expect(planPlacement(desired, after)).toEqual({ moves: new Map(), notPlaced: plan.notPlaced });
}

describe('properties', () => {
  test('whatever the sockets carry: within limits, nothing lost, nothing twice, nobody starves, a second plan is empty', () => {
    fc.assert(fc.property(desiredList, brokenSockets, expectSound), { numRuns: 1_000 });
  });

  test('no plan with fewer moves does it', () => {
    fc.assert(
      fc.property(desiredList, soundSockets, (desired, sockets) => {
        const plan = planPlacement(desired, sockets);
        const onUsable = new Map(sockets.filter(isUsable).flatMap(({ subscriptions }) => [...subscriptions]));
        let subscriptionsMin = 0;
        let staying = 0;
        for (const [rank, best] of streamingByPriority(desired, sockets).entries()) {
          const there = desired.filter(
            ({ token, priority }) => priority === PRIORITIES[rank] && onUsable.has(token),
          ).length;
          // So many must stream in the end, and no more of them than are there need not be subscribed.
          subscriptionsMin += Math.max(0, best - there);
          staying += Math.min(best, there);
        }
        expect(movesOf(plan, 'subscribe')).toBe(subscriptionsMin);
        const usable = sockets.filter(isUsable);
        const taken = usable.map(({ id }) => plan.moves.get(id)?.unsubscribe.length ?? 0);
        expect(taken.reduce((sum, count) => sum + count, 0)).toBe(onUsable.size - staying);
        const after = afterwards(sockets, plan);
        const othermode = desired.filter(({ token, mode }) => {
          const at = sockets.findIndex(({ subscriptions }) => subscriptions.has(token));
          const stays = at >= 0 && after[at]?.subscriptions.has(token);
          return stays && sockets[at]?.subscriptions.get(token) !== mode;
        });
        expect(movesOf(plan, 'changeMode')).toBe(othermode.length);
      }),
      { numRuns: 1_000 },
    );
  });

  test('sockets that were empty end as even as their capacities allow', () => {
    fc.assert(
      fc.property(desiredList, shapes, (desired, all) => {
        const sockets = all.map(({ instrumentsMax }, number) =>
          socket(SOCKET_IDS[number] as string, instrumentsMax),
        );
        const free = desired.map(({ preferredAccountId: _, ...item }) => item);
        const after = afterwards(sockets, planPlacement(free, sockets));
        const most = Math.max(0, ...after.map(({ subscriptions }) => subscriptions.size));
        for (const { subscriptions, instrumentsMax } of after) {
          expect(subscriptions.size).toBeGreaterThanOrEqual(Math.min(instrumentsMax, most - 1));
        }
      }),
    );
  });

  test('through any sequence of losses, returns and wishes nothing moves that need not', () => {
    const step = fc.tuple(
      desiredList,
      fc.array(availability, { minLength: 4, maxLength: 4 }),
      fc.integer({ min: 1, max: 20 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        let sockets: PlannedSocket[] = SOCKET_IDS.slice(0, 4).map((id) => socket(id, 20));
        for (const [desired, availabilities, instrumentsMax] of steps) {
          sockets = sockets.map((each, number) => ({
            ...each,
            availability: availabilities[number] as Availability,
            instrumentsMax,
          }));
          expectSound(desired, sockets);
          const before = sockets;
          sockets = afterwards(sockets, planPlacement(desired, sockets));
          const hasRoom = sockets
            .filter(isUsable)
            .some(({ subscriptions, instrumentsMax }) => subscriptions.size < instrumentsMax);
          for (const [number, { subscriptions, instrumentsMax, availability }] of before.entries()) {
            if (availability === 'away' || subscriptions.size > instrumentsMax || !hasRoom) continue;
            for (const { token } of desired) {
              if (subscriptions.has(token)) expect(sockets[number]?.subscriptions.has(token)).toBe(true);
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
