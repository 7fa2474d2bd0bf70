import fc from 'fast-check';
import { expect, test } from 'vitest';
import { levelLoads } from '../../../ingest/core/load-leveling.ts';

test.each([
  [0, [[5, 10]], [0]],
  [3, [], []],
  [
    4,
    [
      [2, 10],
      [0, 10],
    ],
    [1, 3],
  ],
  [
    5,
    [
      [0, 1],
      [0, 10],
      [3, 10],
    ],
    [1, 4, 0],
  ],
  [
    100,
    [
      [0, 3],
      [2, 3],
    ],
    [3, 1],
  ],
])('%i over %j', (count, carriers, shares) => {
  const list = carriers.map(([load = 0, capacity = 0]) => ({ load, capacity }));
  expect(levelLoads(count, list)).toEqual(shares);
});

test('is what giving the items one by one to the least loaded comes to', () => {
  const carrier = fc
    .nat(30)
    .chain((capacity) => fc.record({ load: fc.nat(capacity), capacity: fc.constant(capacity) }));
  fc.assert(
    fc.property(fc.nat(200), fc.array(carrier, { maxLength: 8 }), (count, carriers) => {
      const loads = carriers.map(({ load }) => load);
      for (let given = 0; given < count; given++) {
        const open = carriers.map((_, i) => i).filter((i) => loads[i]! < carriers[i]!.capacity);
        const least = open.reduce<number | undefined>(
          (best, i) => (best === undefined || loads[i]! < loads[best]! ? i : best),
          undefined,
        );
        if (least === undefined) break;
        loads[least]!++;
      }
      expect(levelLoads(count, carriers).map((share, i) => share + carriers[i]!.load)).toEqual(loads);
    }),
  );
});
