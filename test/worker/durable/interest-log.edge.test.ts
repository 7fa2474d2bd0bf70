// The stored interest of a shard's gateways, in an object's real storage.
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { INTEREST_LOG_ITEMS_SPARE } from '../../../shared/limits.ts';
import type { InterestItem } from '../../../worker/core/interest.ts';
import { InterestLog } from '../../../worker/durable/interest-log.ts';

const shard = () => env.INSTRUMENT_SHARD.getByName('shard:7');

const arbitraryItem = fc.tuple(
  fc.integer({ min: 1, max: 40 }) as fc.Arbitrary<InstrumentToken>,
  fc.integer({ min: 0, max: 15 }),
);
const arbitraryChange = fc.record({
  gateway: fc.constantFrom('gw:apac-se:0', 'gw:apac-se:1', 'gw:weur:0'),
  items: fc.array(arbitraryItem, { maxLength: 60 }),
  isWhole: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});

type Wanted = Map<string, Map<InstrumentToken, number>>;

function apply(wanted: Wanted, gateway: string, items: readonly InterestItem[], isWhole: boolean): void {
  const interests = isWhole ? new Map() : (wanted.get(gateway) ?? new Map());
  wanted.set(gateway, interests);
  for (const [token, interest] of items) {
    if (interest === 0) interests.delete(token);
    else interests.set(token, interest);
  }
}

/** Gateways that want nothing may be there or not. */
function shown(wanted: Wanted): [string, [number, number][]][] {
  return [...wanted]
    .map(([gateway, interests]): [string, [number, number][]] => [
      gateway,
      [...interests].sort(([a], [b]) => a - b),
    ])
    .filter(([, interests]) => interests.length > 0)
    .sort(([a], [b]) => a.localeCompare(b));
}

test('what was stored by changes is what is loaded, and never grows beyond its bound', async () => {
  await runInDurableObject(shard(), async (_, { storage }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryChange, { maxLength: 80 }), async (changes) => {
        for (const [key] of [...storage.kv.list()]) storage.kv.delete(key);
        const wanted: Wanted = new Map();
        let log = new InterestLog(storage.kv);
        for (const [i, { gateway, items, isWhole }] of changes.entries()) {
          apply(wanted, gateway, items, isWhole);
          const whole = () => [...(wanted.get(gateway) ?? [])];
          if (isWhole) log.replace(gateway, whole());
          else log.append(gateway, items, whole);
          // Memory may go at any time.
          if (i % 7 !== 0) continue;
          log = new InterestLog(storage.kv);
          expect(shown(log.load())).toEqual(shown(wanted));
        }
        expect(shown(new InterestLog(storage.kv).load())).toEqual(shown(wanted));
        for (const [gateway, interests] of wanted) {
          const records = [...storage.kv.list<InterestItem[]>({ prefix: `interest:${gateway}:` })];
          const stored = records.reduce((sum, [, items]) => sum + items.length, 0);
          // What is wanted may have shrunk since the last look, by no more than one change.
          expect(stored).toBeLessThanOrEqual(2 * (interests.size + 60) + INTEREST_LOG_ITEMS_SPARE);
        }
      }),
      { numRuns: 60 },
    );
    for (const [key] of [...storage.kv.list()]) storage.kv.delete(key);
  });
});
