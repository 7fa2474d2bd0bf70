// Who shares frames with whom: exactly those who get the same, with one leader each, whatever comes and goes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameSharing } from '../../../worker/core/frame-sharing.ts';

const step = fc.record({
  session: fc.nat(150),
  /** What it gets; undefined when it leaves. */
  gets: fc.option(fc.nat(5), { nil: undefined }),
});

test('groups are the sessions that get the same, also when prints do not tell them apart', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.boolean(), (steps, isPrintPoor) => {
      const sharing = new FrameSharing();
      const gets = new Map<number, number>();
      for (const { session, gets: wanted } of steps) {
        if (wanted === undefined) {
          sharing.leave(session);
          gets.delete(session);
        } else {
          gets.set(session, wanted);
          const print = isPrintPoor ? 1 : wanted;
          sharing.update(session, print, (other) => gets.get(other) === wanted);
        }
      }
      const leaders = [...gets.keys()].filter((session) => sharing.leads(session));
      const groups = leaders.map((leader) => [...sharing.groupOf(leader)].sort((a, b) => a - b));
      const expected = [...new Set(gets.values())].map((kind) =>
        [...gets].flatMap(([session, own]) => (own === kind ? [session] : [])).sort((a, b) => a - b),
      );
      const byFirst = (a: number[], b: number[]) => (a[0] ?? 0) - (b[0] ?? 0);
      expect(groups.sort(byFirst)).toEqual(expected.sort(byFirst));
    }),
    { numRuns: 500 },
  );
});
