// The lease's rules: the holder doubts before a standby may act, and a standby lets the holder go first after an outage.
import { describe, expect, test } from 'vitest';
import { type FoundLease, type Instant, isCertain, StandbyWatch } from '../../../ingest/core/lease.ts';
import {
  SIDECAR_LEASE_ANSWER_MS_MAX,
  SIDECAR_LEASE_MARGIN_MS,
  SIDECAR_LEASE_MS,
  SIDECAR_LEASE_POLL_MS,
  SIDECAR_LEASE_RENEW_MS,
} from '../../../shared/limits.ts';

const TRUST_MS = SIDECAR_LEASE_MS - SIDECAR_LEASE_MARGIN_MS;

test('two renewals may fail before the holder doubts', () => {
  expect(SIDECAR_LEASE_RENEW_MS + SIDECAR_LEASE_ANSWER_MS_MAX).toBeLessThan(TRUST_MS);
});

describe('certainty', () => {
  const asked: Instant = { monotonicMs: 1_000, wallMs: 1_764_000_000_000 };
  test.each<[string, number, number, boolean]>([
    ['at once', 0, 0, true],
    ['until the margin', TRUST_MS - 1, TRUST_MS - 1, true],
    ['not in the margin', TRUST_MS, TRUST_MS, false],
    ['not after a sleep of the machine, which the monotonic clock does not see', 100, TRUST_MS, false],
    ['not after the clock was set back', 100, -TRUST_MS, false],
    ['not after the process was stopped while the clock was set back', TRUST_MS, 100, false],
  ])('%s', (_, monotonicMs, wallMs, expected) => {
    const now = { monotonicMs: asked.monotonicMs + monotonicMs, wallMs: asked.wallMs + wallMs };
    expect(isCertain(asked, now)).toBe(expected);
  });
});

describe('a standby', () => {
  const lease = (parts: Partial<FoundLease>): FoundLease => ({
    epoch: 7,
    remainingMs: 5_000,
    isReleased: false,
    isHolderGone: false,
    ...parts,
  });
  const TAKE = { kind: 'take', overEpoch: 7 };

  test('takes what nobody has ever had', () => {
    expect(new StandbyWatch().decide(undefined, 0)).toEqual({ kind: 'take', overEpoch: 0 });
  });

  test.each<[string, Partial<FoundLease>]>([
    ['has ended', { remainingMs: 0 }],
    ['was given back', { isReleased: true, remainingMs: -1e12 }],
    ['is that of a process that has ended', { isHolderGone: true }],
  ])('takes what %s', (_, parts) => {
    expect(new StandbyWatch().decide(lease(parts), 0)).toEqual(TAKE);
  });

  test('waits for the end of what is held, looking now and then', () => {
    const watch = new StandbyWatch();
    expect(watch.decide(lease({}), 0)).toEqual({ kind: 'wait', forMs: SIDECAR_LEASE_POLL_MS });
    expect(watch.decide(lease({ remainingMs: 300 }), 0)).toEqual({ kind: 'wait', forMs: 300 });
  });

  test('leaves a lease that ended while the database was away to its holder for a while', () => {
    const watch = new StandbyWatch();
    const ended = lease({ remainingMs: -60_000 });
    watch.onAway();
    expect(watch.decide(ended, 1_000)).toEqual({ kind: 'wait', forMs: SIDECAR_LEASE_POLL_MS });
    expect(watch.decide(ended, 1_000 + SIDECAR_LEASE_MS - 1)).toEqual({ kind: 'wait', forMs: 1 });
    expect(watch.decide(ended, 1_000 + SIDECAR_LEASE_MS)).toEqual(TAKE);
    // Away once more: the time begins anew.
    watch.onAway();
    expect(watch.decide(ended, 20_000)).toMatchObject({ kind: 'wait' });
  });

  test('takes at once after an outage what was given back, or whose process has ended', () => {
    for (const parts of [{ isReleased: true }, { isHolderGone: true }]) {
      const watch = new StandbyWatch();
      watch.onAway();
      expect(watch.decide(lease({ remainingMs: -1, ...parts }), 0)).toEqual(TAKE);
    }
  });
});
