// A thousand seeds of the simulation, the seeds that once broke a rule, and the faults that it has to find.
import { describe, expect, test } from 'vitest';
import { MUTANTS, SOUND } from './mutant.ts';
import { runOrders } from './world.ts';

const SEEDS = 1_000;
const SEEDS_PER_TEST = 250;

describe('no rule is broken', () => {
  test.each(Array.from({ length: SEEDS / SEEDS_PER_TEST }, (_, i) => 1 + i * SEEDS_PER_TEST))(
    'by seeds from %i on',
    async (first) => {
      const broken: string[] = [];
      for (let seed = first; seed < first + SEEDS_PER_TEST; seed++) {
        const { violations } = await runOrders(seed, SOUND);
        if (violations.length > 0) broken.push(`seed ${seed}: ${violations.join('; ')}`);
      }
      expect(broken).toEqual([]);
    },
    120_000,
  );
});

test.each([
  ['a day that ends a few requests below Kite’s limit', 127_496],
  ['a process that is paused for three minutes, with a request under way', 112_227],
  ['a database that takes its time to store that nobody knows', 108_435],
  ['a claim whose answer was lost, and which the database commits after all was loaded', 315],
  ['a stopped executor turned round in place until its last write had ended', 22_478],
  ['the same while Kite was away', 57_606],
])('%s: seed %i', async (_, seed) => {
  expect((await runOrders(seed, SOUND)).violations).toEqual([]);
});

test('a seed gives the same run each time', async () => {
  const [first, second] = [await runOrders(5, SOUND, true), await runOrders(5, SOUND, true)];
  expect(first.trace.length).toBeGreaterThan(10);
  expect(second).toEqual(first);
});

describe('it finds that', () => {
  /** As many as it took at most, several times over. */
  const SEEDS_MAX = 2_000;

  test.each(Object.entries(MUTANTS))(
    '%s',
    async (_, mutant) => {
      let violations: readonly string[] = [];
      for (let seed = 1; seed <= SEEDS_MAX && violations.length === 0; seed++) {
        ({ violations } = await runOrders(seed, mutant));
      }
      expect(violations).not.toEqual([]);
    },
    120_000,
  );
});
