// The terms of a subscription in a few bits: what is packed is what comes out, and they fit where they are packed again.
import { expect, test } from 'vitest';
import { SPEEDS } from '../../../worker/core/protocol.ts';
import { rankOfTerms, speedOfTerms, TERMS_BITS, termsOf, tierOfTerms } from '../../../worker/core/terms.ts';

test('every mode and speed come back as they were, in terms above zero that fit their bits', () => {
  for (const rank of [1, 2, 3] as const) {
    for (const [tier, speed] of SPEEDS.entries()) {
      const terms = termsOf(rank, speed);
      expect([rankOfTerms(terms), speedOfTerms(terms), tierOfTerms(terms)]).toEqual([rank, speed, tier]);
      expect(terms).toBeGreaterThan(0);
      expect(terms).toBeLessThan(2 ** TERMS_BITS);
    }
  }
});

test('a mode at the first speed is packed as its rank alone', () => {
  for (const rank of [1, 2, 3] as const) expect(termsOf(rank, 'rt')).toBe(rank);
});
