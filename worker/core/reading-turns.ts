// What all requests of an isolate want to know is read by one of them; the others wait for time to pass, not for its promise.

/** One reading: a mark, that any request may hold. */
export interface Turn {
  readonly startedAtMs: number;
}

/**
 * In workerd a promise belongs to the request that made it. Whoever awaits one of another request waits for ever if
 * that request is given up, or goes on in its context, where none of its own sockets and timers work: the guard of the
 * runtime against it does not see promises that optimised code has made. So requests share this and no promise.
 */
export class ReadingTurns {
  readonly #intervalMs: number;
  readonly #waitMsMax: number;
  #last: Turn = { startedAtMs: Number.NEGATIVE_INFINITY };
  #isUnderWay = false;

  /** One reading begins per `intervalMs`, whatever becomes of it; it is waited for until `waitMsMax` after its beginning. */
  constructor(intervalMs: number, waitMsMax: number) {
    this.#intervalMs = intervalMs;
    this.#waitMsMax = waitMsMax;
  }

  /** The caller's turn to read, if a reading is due: `end` follows. */
  begin(nowMs: number): Turn | undefined {
    if (this.#ageMs(nowMs) < this.#intervalMs) return undefined;
    this.#last = { startedAtMs: nowMs };
    this.#isUnderWay = true;
    return this.#last;
  }

  end(turn: Turn): void {
    if (turn === this.#last) this.#isUnderWay = false;
  }

  /** Whether it makes sense to look again a moment later. */
  isAwaited(nowMs: number): boolean {
    return this.#isUnderWay && this.#ageMs(nowMs) < this.#waitMsMax;
  }

  /** Both ways: a clock that was set back must not end the readings. */
  #ageMs(nowMs: number): number {
    return Math.abs(nowMs - this.#last.startedAtMs);
  }
}
