// Where each binary connection is in its frames: the counter and the sequence of the last one.
import { FRAME_COUNTER_MASK } from '../../../shared/wire/frame.ts';
import type { SessionIndex } from '../../core/subscriptions.ts';

const SESSIONS_AT_START = 64;

export class SessionCounters {
  #counters = new Uint16Array(SESSIONS_AT_START);
  /** 0 for a connection whose next frame is a restart. */
  #seqs = new Float64Array(SESSIONS_AT_START);

  restart(session: SessionIndex): void {
    while (session >= this.#seqs.length) this.#grow();
    this.#seqs[session] = 0;
  }

  counterOf(session: SessionIndex): number {
    return this.#counters[session] as number;
  }

  seqOf(session: SessionIndex): number {
    return this.#seqs[session] as number;
  }

  /** The session is sent the next frame. */
  sent(session: SessionIndex, seq: number): void {
    this.#counters[session] = ((this.#counters[session] as number) + 1) & FRAME_COUNTER_MASK;
    this.#seqs[session] = seq;
  }

  #grow(): void {
    const counters = new Uint16Array(this.#counters.length * 2);
    counters.set(this.#counters);
    this.#counters = counters;
    const seqs = new Float64Array(this.#seqs.length * 2);
    seqs.set(this.#seqs);
    this.#seqs = seqs;
  }
}
