// The pulse of one segment on one socket: whether it ticks, whether it would have to, and for how long it has not.
import {
  FEED_LIQUID_INSTRUMENTS_MIN,
  FEED_OBSERVE_MS,
  FEED_RECYCLE_AFTER_MS,
  STALE_AFTER_MS,
} from '../../shared/limits.ts';

export interface PulseReading {
  /** Instruments of the segment that the socket carries. */
  readonly instruments: number;
  /** One of them is known to tick each second in open session. */
  readonly hasBenchmark: boolean;
  /** Accepted since the start. */
  readonly ticks: number;
  /** The socket is open and its heartbeats come. */
  readonly isAlive: boolean;
  /** The segment is in continuous trading. */
  readonly isOpen: boolean;
}

const STALE_LOOKS = STALE_AFTER_MS / FEED_OBSERVE_MS;
const RECYCLE_LOOKS = FEED_RECYCLE_AFTER_MS / FEED_OBSERVE_MS;
/** Kite's cached last packets after a subscription take one or two looks: ticks in three of ten are a flow. */
const FLOW_LOOKS_MIN = 3;
/** Weight of the latest look in the density, which so looks back some 20 s. */
const DENSITY_WEIGHT = 0.05;
/** Looks with ticks, of all: above the first ten silent seconds are out of the question, below the second they are not. */
const DENSITY_PROVEN_MIN = 0.8;
const DENSITY_THIN_MAX = 0.5;

/** Observed every FEED_OBSERVE_MS. Knows no clock: a machine that slept or was busy has looked less often, that is all. */
export class SegmentPulse {
  #ticks: number | undefined;
  #instruments = 0;
  /** The latest looks as bits, the newest lowest: 1 with ticks. */
  #history = 0;
  #density = 0;
  #isProven = false;
  #silentLooks = 0;
  #isStalled = false;

  observe({ instruments, hasBenchmark, ticks, isAlive, isOpen }: PulseReading): void {
    const hasTicked = this.#ticks !== undefined && ticks > this.#ticks;
    this.#ticks = ticks;
    this.#history = ((this.#history << 1) | (hasTicked ? 1 : 0)) & (2 ** STALE_LOOKS - 1);
    // The liquid ones may be those that left.
    if (instruments < this.#instruments || !isOpen) {
      this.#isProven = false;
      this.#density = 0;
    }
    this.#instruments = instruments;
    this.#density += ((hasTicked ? 1 : 0) - this.#density) * DENSITY_WEIGHT;
    // Silence proves nothing about liquidity, and neither do cached packets: only a flow takes the proof back.
    if (hasTicked && this.#density >= DENSITY_PROVEN_MIN) this.#isProven = true;
    else if (hasTicked && this.isFlowing && this.#density < DENSITY_THIN_MAX) this.#isProven = false;
    this.#silentLooks = hasTicked || !isAlive || !isOpen ? 0 : this.#silentLooks + 1;
    const isLiquid = this.#isProven || hasBenchmark || instruments >= FEED_LIQUID_INSTRUMENTS_MIN;
    // A socket that is opened anew stays stalled until ticks flow: its cached packets are old prices.
    if (!isOpen || !isLiquid || this.isFlowing) this.#isStalled = false;
    else if (this.#silentLooks >= STALE_LOOKS) this.#isStalled = true;
  }

  get hasTicked(): boolean {
    return (this.#history & 1) === 1;
  }

  get isFlowing(): boolean {
    let looks = 0;
    for (let rest = this.#history; rest > 0; rest >>= 1) looks += rest & 1;
    return looks >= FLOW_LOOKS_MIN;
  }

  /** No tick for STALE_AFTER_MS, liquid or not, or not yet flowing since it stalled. */
  get isSilent(): boolean {
    return this.#isStalled || this.#silentLooks >= STALE_LOOKS;
  }

  /** Silent, and would have to tick. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** Stalled for so long that the socket should be opened anew. */
  get isOverdue(): boolean {
    return this.#isStalled && this.#silentLooks >= RECYCLE_LOOKS;
  }
}
