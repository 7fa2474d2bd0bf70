// The last tick of each instrument, kept in the server's order, and whether it has been confirmed since the last gap.
import type { Tick } from './tick.ts';

interface Held {
  tick: Tick;
  epoch: string | undefined;
  /** Number of the connection that brought or confirmed it. */
  connection: number;
}

export class ValueBook {
  /** Bounded by the wanted instruments: the client forgets what nobody wants. */
  readonly #held = new Map<number, Held>();
  /** Missed ticks of these are on their way: what is held may be older than what comes. */
  readonly #recovering = new Set<number>();
  #connection = 0;
  #dropped = 0;

  /** Ticks that came behind a newer one of their instrument. */
  get droppedCount(): number {
    return this.#dropped;
  }

  /** From now on nothing is current before it has been confirmed anew. */
  beginConnection(): void {
    this.#connection++;
    this.#recovering.clear();
  }

  /**
   * Takes a tick; false when it is older than what is held. Order is the server's `seq` within one epoch. A lower `seq`
   * that was received later at the source is a server that lost its count: dropping that would freeze the price.
   */
  take(tick: Tick, epoch: string | undefined): boolean {
    const held = this.#held.get(tick.instrument_token);
    const isSameOrder = epoch !== undefined && held?.epoch === epoch;
    if (held && isSameOrder && tick.seq < held.tick.seq) {
      const isLater = Date.parse(tick.received_at) > Date.parse(held.tick.received_at);
      if (!isLater) {
        this.#dropped++;
        return false;
      }
    }
    if (held) Object.assign(held, { tick, epoch, connection: this.#connection } satisfies Held);
    else this.#held.set(tick.instrument_token, { tick, epoch, connection: this.#connection });
    return true;
  }

  last(token: number): Tick | undefined {
    return this.#held.get(token)?.tick;
  }

  /** Confirmed on the present connection, with no missed tick on its way. */
  isCurrent(token: number): boolean {
    return this.#held.get(token)?.connection === this.#connection && !this.#recovering.has(token);
  }

  /** The current value's place in the order, undefined where there is none to resume from. */
  positionOf(token: number): { readonly epoch: string; readonly seq: number } | undefined {
    const held = this.#held.get(token);
    if (held?.epoch === undefined || !this.isCurrent(token)) return undefined;
    return { epoch: held.epoch, seq: held.tick.seq };
  }

  beginRecovery(tokens: Iterable<number>): void {
    for (const token of tokens) this.#recovering.add(token);
  }

  /** All missed ticks are here: what is held is current, whether or not one of them was its own. */
  completeRecovery(tokens: Iterable<number>): void {
    for (const token of tokens) {
      const held = this.#held.get(token);
      if (this.#recovering.delete(token) && held) held.connection = this.#connection;
    }
  }

  /** Nobody said that all missed ticks are here: each instrument waits for a tick of its own. */
  abandonRecovery(tokens: Iterable<number>): void {
    for (const token of tokens) this.#recovering.delete(token);
  }

  /** The server has given up the stream: the value stands for nothing until a tick says that it was not so. */
  doubt(token: number): void {
    const held = this.#held.get(token);
    if (held) held.connection = -1;
  }

  forget(token: number): void {
    this.#held.delete(token);
    this.#recovering.delete(token);
  }

  *ticks(): Iterable<Tick> {
    for (const { tick } of this.#held.values()) yield tick;
  }
}
