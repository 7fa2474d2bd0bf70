// Counts the accepted ticks of one socket by segment: what the feed's health is judged by.

const SEGMENT_NUMBERS = 256;

export class TickMeter {
  readonly #ticks = new Float64Array(SEGMENT_NUMBERS);
  /** Wall clock, milliseconds since the epoch; undefined before the first. */
  lastTickAtMs: number | undefined;

  /** One tick of the token was accepted. On the path of every tick: the time is set once per frame. */
  count(token: number): void {
    const segment = token & 0xff;
    this.#ticks[segment] = (this.#ticks[segment] as number) + 1;
  }

  /** Ticks of the segment since the start, by its number in tokens. */
  ticksOf(segment: number): number {
    return this.#ticks[segment & 0xff] as number;
  }
}
