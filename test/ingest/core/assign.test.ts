import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ConnectionCapacity, planAssignment, type Subscriptions } from '../../../ingest/core/assign.ts';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import type { TickMode } from '../../../shared/tick.ts';

const connections = (count: number, instrumentsMax: number): ConnectionCapacity[] =>
  Array.from({ length: count }, (_, i) => ({ id: `socket-${i}`, instrumentsMax }));
const wish = (entries: readonly (readonly [number, TickMode])[]) =>
  new Map(entries) as Map<InstrumentToken, TickMode>;

/** What the sockets carry after the moves. */
function applied(
  current: ReadonlyMap<string, Subscriptions>,
  sockets: readonly ConnectionCapacity[],
  plan: ReturnType<typeof planAssignment>,
): Map<string, Map<InstrumentToken, TickMode>> {
  return new Map(
    sockets.map(({ id }) => {
      const carried = new Map(current.get(id) ?? []);
      const { unsubscribe = [], subscribe = [], changeMode = [] } = plan.moves.get(id) ?? {};
      for (const token of unsubscribe) expect(carried.delete(token)).toBe(true);
      for (const [token, mode] of subscribe) {
        expect(carried.has(token)).toBe(false);
        carried.set(token, mode);
      }
      for (const [token, mode] of changeMode) {
        expect(carried.has(token)).toBe(true);
        carried.set(token, mode);
      }
      return [id, carried];
    }),
  );
}

test('new instruments go to the least loaded socket, old ones stay where they are', () => {
  const current = new Map([
    [
      'socket-0',
      wish([
        [1, 'full'],
        [2, 'full'],
      ]),
    ],
  ]);
  const plan = planAssignment(
    wish([
      [1, 'full'],
      [2, 'quote'],
      [3, 'ltp'],
      [4, 'full'],
    ]),
    current,
    connections(2, 10),
  );
  expect([...plan.moves]).toEqual([
    ['socket-0', { unsubscribe: [], subscribe: [], changeMode: [[2, 'quote']] }],
    [
      'socket-1',
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

test('what has no room is reported, and takes the room that others leave', () => {
  const current = new Map([
    [
      'socket-0',
      wish([
        [1, 'full'],
        [2, 'full'],
      ]),
    ],
  ]);
  const plan = planAssignment(
    wish([
      [2, 'full'],
      [3, 'full'],
      [4, 'full'],
    ]),
    current,
    connections(1, 2),
  );
  expect([...plan.moves.values()]).toEqual([{ unsubscribe: [1], subscribe: [[3, 'full']], changeMode: [] }]);
  expect(plan.notPlaced).toEqual([4]);
});

test('nothing to do is an empty plan', () => {
  const desired = wish([[1, 'full']]);
  expect(planAssignment(desired, new Map([['socket-0', desired]]), connections(3, 10)).moves.size).toBe(0);
});

test('never over a limit, never lost, never twice, never moved', () => {
  const mode = fc.constantFrom<TickMode>('ltp', 'quote', 'full');
  const subscriptions = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 60 }), mode), { maxLength: 60 })
    .map(wish);
  fc.assert(
    fc.property(
      fc.array(subscriptions, { maxLength: 6 }),
      fc.nat(4),
      fc.integer({ min: 1, max: 20 }),
      (wishes, count, instrumentsMax) => {
        const sockets = connections(count, instrumentsMax);
        let current = new Map<string, Map<InstrumentToken, TickMode>>();
        for (const desired of wishes) {
          const before = current;
          const plan = planAssignment(desired, current, sockets);
          current = applied(current, sockets, plan);
          const placed = [...current.values()].flatMap((carried) => [...carried]);
          expect(new Set(placed.map(([token]) => token)).size).toBe(placed.length);
          expect(placed.length).toBe(Math.min(desired.size, count * instrumentsMax));
          for (const [token, mode] of placed) expect(desired.get(token)).toBe(mode);
          for (const token of plan.notPlaced) expect(placed.some(([other]) => other === token)).toBe(false);
          expect(placed.length + plan.notPlaced.length).toBe(desired.size);
          for (const [id, carried] of current) {
            expect(carried.size).toBeLessThanOrEqual(instrumentsMax);
            for (const token of before.get(id)?.keys() ?? [])
              if (desired.has(token)) expect(carried.has(token)).toBe(true);
          }
        }
      },
    ),
  );
});
