// The simulator's wall clock: another clock's time and a jump.

export class SimulatorClock {
  readonly #baseMs: () => number;
  #aheadMs = 0;

  constructor(baseMs: () => number) {
    this.#baseMs = baseMs;
  }

  nowMs(): number {
    return this.#baseMs() + this.#aheadMs;
  }

  /** How far the clock was moved from its base. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** It goes on from there. */
  jumpTo(timeMs: number): void {
    this.#aheadMs = timeMs - this.#baseMs();
  }
}
