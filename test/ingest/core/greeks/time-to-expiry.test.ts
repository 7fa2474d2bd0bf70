import { describe, expect, it } from 'vitest';
import { expiryTimeMs, yearsToExpiry } from '../../../../ingest/core/greeks/time-to-expiry.ts';
import { SEGMENT } from '../../../../shared/instrument.ts';

describe('expiryTimeMs', () => {
  it.each([
    ['NFO', '2026-11-24T10:00:00Z'],
    ['BFO', '2026-11-24T10:00:00Z'],
    ['CDS', '2026-11-24T07:00:00Z'],
    ['BCD', '2026-11-24T07:00:00Z'],
    ['MCX', '2026-11-24T18:00:00Z'],
  ] as const)('%s contracts of 2026-11-24 expire at %s', (segment, moment) => {
    expect(expiryTimeMs(SEGMENT[segment], '2026-11-24')).toBe(Date.parse(moment));
  });

  it.each([
    [SEGMENT.NSE, '2026-11-24'],
    [SEGMENT.INDICES, '2026-11-24'],
    [SEGMENT.NFO, ''],
    [SEGMENT.NFO, '2026-02-30'],
    [SEGMENT.NFO, '2026-13-01'],
    [SEGMENT.NFO, '24-11-2026'],
  ])('knows none for segment %s and date "%s"', (segment, expiry) => {
    expect(expiryTimeMs(segment, expiry)).toBeUndefined();
  });
});

describe('yearsToExpiry', () => {
  it('counts calendar time to the millisecond, through the expiry', () => {
    const expiryMs = expiryTimeMs(SEGMENT.NFO, '2026-11-24')!;
    expect(yearsToExpiry(expiryMs, expiryMs - 365 * 86_400_000)).toBe(1);
    expect(yearsToExpiry(expiryMs, expiryMs - 1) * 365 * 86_400_000).toBeCloseTo(1, 12);
    expect(yearsToExpiry(expiryMs, expiryMs)).toBe(0);
    expect(yearsToExpiry(expiryMs, expiryMs + 1_000)).toBeLessThan(0);
  });
});
