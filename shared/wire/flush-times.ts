// When the records of one flush were received: the newest, and how far apart they are.
import { bitLength } from './scale.ts';

/** What four bits of a frame's first byte hold. */
const RECEIVED_ORDER_MAX = 15;
/** An option that has not ticked for so long is sent for its Greeks, and says nothing about when the others were received. */
const STALE_MS = 4_096;

/** Rows count back from the newest time, in codes that are short for the flush's mean distance from it, the stale ones left out. */
export class FlushTimes {
  #newestMs = 0;
  /** Of the times less the first one, so that it stays a whole number. */
  #sumMs = 0;
  #firstMs = 0;
  #count = 0;

  start(): void {
    this.#count = 0;
    this.#sumMs = 0;
    this.#newestMs = 0;
  }

  /** Takes in the receive time of a record that the flush sends. */
  add(receivedAtMs: number): void {
    const aheadMs = receivedAtMs - this.#newestMs;
    if (aheadMs < -STALE_MS) return;
    if (aheadMs > STALE_MS || this.#count === 0) {
      this.#count = 0;
      this.#sumMs = 0;
      this.#firstMs = receivedAtMs;
    }
    this.#count++;
    this.#sumMs += receivedAtMs - this.#firstMs;
    if (aheadMs > 0) this.#newestMs = receivedAtMs;
  }

  get baseTimeMs(): number {
    return this.#newestMs;
  }

  /** Order of the codes of receive times. */
  get order(): number {
    if (this.#count === 0) return 0;
    const meanMs = this.#newestMs - this.#firstMs - this.#sumMs / this.#count;
    return Math.max(0, Math.min(RECEIVED_ORDER_MAX, bitLength(Math.min(meanMs, 0xffff)) - 1));
  }
}
