// When an access token is due to end.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { accessTokenExpiresAtMs } from '../../shared/account.ts';

test.each([
  ['in the morning', '2026-11-21T07:41:00+05:30', '2026-11-22T06:00:00+05:30'],
  ['after midnight', '2026-11-22T00:10:00+05:30', '2026-11-22T06:00:00+05:30'],
  ['a moment before the end of tokens', '2026-11-22T05:59:59.999+05:30', '2026-11-22T06:00:00+05:30'],
  ['at the end of tokens', '2026-11-22T06:00:00+05:30', '2026-11-23T06:00:00+05:30'],
  ['over new year', '2026-12-31T23:00:00+05:30', '2027-01-01T06:00:00+05:30'],
])('a token issued %s', (_, issued, end) => {
  expect(new Date(accessTokenExpiresAtMs(Date.parse(issued))).toISOString()).toBe(
    new Date(end).toISOString(),
  );
});

test('it ends at six in India, after it was issued, and within a day', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), (issuedAtMs) => {
      const endMs = accessTokenExpiresAtMs(issuedAtMs);
      expect(endMs).toBeGreaterThan(issuedAtMs);
      expect(endMs - issuedAtMs).toBeLessThanOrEqual(86_400_000);
      const clock = new Date(endMs).toLocaleTimeString('en-GB', { timeZone: 'Asia/Kolkata' });
      expect(clock).toBe('06:00:00');
    }),
  );
});
