// The newest bar of each instrument in one interval, which closed bars have come, and where some have not.
import { BAR_INTERVAL_MS, type Bar, type BarGap, type BarInterval } from './bar.ts';

interface Held {
  /** By start; open or closed. */
  newest: Bar;
  /** Every closed bar that starts before this has come, or was before the first one that was asked for. */
  dueMs: number;
  /** Start of the last bar before which a gap has been told. */
  gapToldMs: number;
  /** Number of the connection that brought the last bar. */
  connection: number;
}

/** `isNews` is false for what has come before. */
export interface TakenBar {
  readonly isNews: boolean;
  readonly gap?: BarGap;
}

export class BarBook {
  /** Bounded by the wanted instruments: the client forgets what nobody wants. */
  readonly #held = new Map<number, Held>();
  readonly #intervalMs: number;
  #connection = 0;

  constructor(interval: BarInterval) {
    this.#intervalMs = BAR_INTERVAL_MS[interval];
  }

  /** From now on nothing is current before it has been confirmed anew. */
  beginConnection(): void {
    this.#connection++;
  }

  /**
   * Takes a bar. Each names the closed one before it: one that did not come is a gap, whatever has lost it. A bar that
   * names none is of a server that has not seen the one before it, and anything may have been there.
   */
  take(bar: Bar): TakenBar {
    const startMs = Date.parse(bar.start);
    const nextMs = bar.closed ? startMs + this.#intervalMs : startMs;
    const held = this.#held.get(bar.instrument_token);
    if (!held) {
      const position = { dueMs: nextMs, gapToldMs: startMs, connection: this.#connection };
      this.#held.set(bar.instrument_token, { newest: bar, ...position });
      return { isNews: true };
    }
    const newestMs = Date.parse(held.newest.start);
    if (startMs < held.dueMs || (!bar.closed && startMs < newestMs)) return { isNews: false };
    const { dueMs, gapToldMs } = held;
    const previousMs = bar.previous_start === undefined ? undefined : Date.parse(bar.previous_start);
    const hasGap = previousMs === undefined ? startMs > dueMs : previousMs >= dueMs;
    if (bar.closed) held.dueMs = nextMs;
    held.gapToldMs = Math.max(gapToldMs, startMs);
    held.connection = this.#connection;
    if (startMs >= newestMs) held.newest = bar;
    if (!hasGap || startMs <= gapToldMs) return { isNews: true };
    const { instrument_token, tradingsymbol, exchange, interval, start: before } = bar;
    const after = this.#beforeDue(dueMs);
    return { isNews: true, gap: { instrument_token, tradingsymbol, exchange, interval, after, before } };
  }

  last(token: number): Bar | undefined {
    return this.#held.get(token)?.newest;
  }

  /** Confirmed on the present connection. */
  isCurrent(token: number): boolean {
    return this.#held.get(token)?.connection === this.#connection;
  }

  /** Where to go on after a break: closed bars that start after this have not come. */
  positionOf(token: number): string | undefined {
    const held = this.#held.get(token);
    return held && this.#beforeDue(held.dueMs);
  }

  /** The server has given up the stream: its bar stands for nothing until the next one. */
  doubt(token: number): void {
    const held = this.#held.get(token);
    if (held) held.connection = -1;
  }

  forget(token: number): void {
    this.#held.delete(token);
  }

  *bars(): Iterable<Bar> {
    for (const { newest } of this.#held.values()) yield newest;
  }

  #beforeDue(dueMs: number): string {
    return new Date(dueMs - this.#intervalMs).toISOString();
  }
}
