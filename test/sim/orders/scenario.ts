// What goes wrong in one run, and what users do in it: all decided by the seed.
import type { VirtualTime } from './virtual-time.ts';

/** Probabilities, per occasion; and longest times. */
export interface Faults {
  readonly refused: number;
  readonly throttled: number;
  readonly notConnected: number;
  /** The request never arrives. */
  readonly requestLost: number;
  /** It arrives after its client has given up. */
  readonly requestLate: number;
  readonly replyLost: number;
  readonly ambiguous: number;
  readonly bookDelayMsMax: number;
  readonly bookFails: number;
  readonly newsDropped: number;
  readonly newsDoubled: number;
  readonly newsDelayMsMax: number;
  /** The database's answer does not come: nothing done, done, or done later. */
  readonly databaseSilent: number;
  /** Per step of a process: between any two calls of a port, and before any answer of one. */
  readonly crash: number;
  readonly pause: number;
  readonly pauseMsMax: number;
  /** The same in the most delicate step: a task is claimed, and its request has not left. */
  readonly claimCrash: number;
  readonly claimPause: number;
}

export const NO_FAULTS: Faults = {
  refused: 0,
  throttled: 0,
  notConnected: 0,
  requestLost: 0,
  requestLate: 0,
  replyLost: 0,
  ambiguous: 0,
  bookDelayMsMax: 0,
  bookFails: 0,
  newsDropped: 0,
  newsDoubled: 0,
  newsDelayMsMax: 20,
  databaseSilent: 0,
  crash: 0,
  pause: 0,
  pauseMsMax: 0,
  claimCrash: 0,
  claimPause: 0,
};

export interface Scenario {
  /** Nothing goes wrong, and nothing stands in the way: every order is to reach Kite. */
  readonly isCalm: boolean;
  readonly faults: Faults;
  readonly sidecars: 1 | 2;
  readonly accounts: number;
  readonly places: number;
  readonly writes: number;
  /** From the first request to the last, and to the end of the faults. */
  readonly spreadMs: number;
  readonly faultsMs: number;
  readonly databaseAwayMs: readonly (readonly [fromMs: number, toMs: number])[];
  readonly kiteAwayMs: readonly (readonly [fromMs: number, toMs: number])[];
  readonly clockJumps: number;
  readonly halts: number;
  /** A user who finds a task given up asks again, with a new task. */
  readonly retries: number;
  /** Requests of the first account before the run, all within its last minute; and earlier that day. */
  readonly pastMinute: number;
  readonly pastDay: number;
}

function away(time: VirtualTime, endMs: number): (readonly [number, number])[] {
  const fromMs = time.between(0, endMs);
  return [[fromMs, fromMs + time.between(100, 40_000)]];
}

/** About a third of the kinds of faults are in a run, each at its own rate; one run in twenty has none. */
export function scenarioOf(time: VirtualTime): Scenario {
  const isCalm = time.chance(0.05);
  const rate = (highest: number) => (isCalm || !time.chance(0.35) ? 0 : highest * time.random.unit());
  const some = (probability: number) => !isCalm && time.chance(probability);
  const isBurst = time.chance(0.08);
  const past = isBurst && some(0.6) ? time.pick(['minute', 'day']) : 'none';
  const faultsMs = time.between(5_000, 60_000);
  const sidecars = time.chance(0.4) ? 2 : 1;
  return {
    isCalm,
    faults: {
      refused: rate(0.4),
      throttled: rate(0.5),
      notConnected: rate(0.5),
      requestLost: rate(0.4),
      requestLate: rate(0.3),
      replyLost: rate(0.6),
      ambiguous: rate(0.6),
      bookDelayMsMax: some(0.4) ? time.pick([1_000, 8_000, 30_000, 90_000]) : 0,
      bookFails: rate(0.7),
      newsDropped: some(0.2) ? 1 : rate(0.8),
      newsDoubled: rate(0.6),
      newsDelayMsMax: some(0.4) ? time.pick([500, 5_000, 60_000]) : 20,
      databaseSilent: rate(0.05),
      crash: rate(0.02),
      pause: rate(sidecars === 2 ? 0.06 : 0.01),
      pauseMsMax: time.pick([500, 6_000, 20_000, 200_000]),
      claimCrash: rate(0.2),
      claimPause: rate(0.3),
    },
    sidecars,
    accounts: time.between(1, 2),
    places: isBurst ? time.between(20, 40) : time.between(1, 6),
    writes: time.between(0, 6),
    spreadMs: isBurst ? 500 : time.between(0, 20_000),
    faultsMs,
    databaseAwayMs: some(0.15) ? away(time, faultsMs) : [],
    kiteAwayMs: some(0.1) ? away(time, faultsMs) : [],
    clockJumps: some(0.15) ? time.between(1, 3) : 0,
    halts: some(0.1) ? 1 : 0,
    retries: time.between(0, 1),
    pastMinute: past === 'minute' ? time.between(370, 395) : 0,
    pastDay: past === 'day' ? time.between(4_860, 4_990) : 0,
  };
}
