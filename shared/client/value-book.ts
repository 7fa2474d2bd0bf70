// The last value of each instrument, kept in the server's order, and whether it has been confirmed since the last gap.
import type { Row } from './row-table.ts';
import type { Tick } from './tick.ts';

interface Held {
  /** Undefined while the value is nowhere but in the record of its row: most values are never looked at. */
  tick: Tick | undefined;
  /** That has brought or confirmed it, on this connection; undefined when a message did. */
  row: Row | undefined;
  /** Newest position that is known to have this value. */
  seq: number;
  epoch: string | undefined;
  /** Number of the connection that brought or confirmed it. */
  connection: number;
}

/** What a row is: `repeat` has the value that is held, `late` one from before it. */
export type RowVerdict = 'news' | 'repeat' | 'late';

/** Of no connection: nothing has confirmed the value. */
const NO_CONNECTION = -1;

export class ValueBook {
  /** Bounded by the wanted instruments: the client forgets what nobody wants. */
  readonly #held = new Map<number, Held>();
  /** Missed ticks of these are on their way: what is held may be older than what comes. */
  readonly #recovering = new Set<number>();
  readonly #tickOf: (row: Row) => Tick | undefined;
  #connection = 0;
  #dropped = 0;

  /** `tickOf` reads the record of a row, where it has one. */
  constructor(tickOf: (row: Row) => Tick | undefined) {
    this.#tickOf = tickOf;
  }

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
    const { instrument_token: token, seq } = tick;
    const held = this.#held.get(token);
    if (held && this.#isBehind(held, seq, epoch) && !isReceivedLater(tick, this.#valueOf(held))) {
      this.#dropped++;
      return false;
    }
    const taken: Held = { tick, row: undefined, seq, epoch, connection: this.#connection };
    if (held) Object.assign(held, taken);
    else this.#held.set(token, taken);
    return true;
  }

  /**
   * Takes what has come into the record of a row, by the rule of `take`. A keyframe may bring nothing but the value that
   * is held: then that one stays, as of the keyframe's position, and is confirmed.
   */
  takeRow(row: Row, isKeyframe: boolean, epoch: string | undefined): RowVerdict {
    const held = this.#held.get(row.token);
    if (!held) {
      const { token, seq } = row;
      this.#held.set(token, { tick: undefined, row, seq, epoch, connection: this.#connection });
      return 'news';
    }
    if (this.#isBehind(held, row.seq, epoch) && !isReceivedLater(this.#tickOf(row), this.#valueOf(held))) {
      this.#dropped++;
      return 'late';
    }
    const tick = isKeyframe ? this.#tickOf(row) : undefined;
    const isRepeat = tick !== undefined && held.tick !== undefined && isSameValue(tick, held.tick);
    if (!isRepeat) held.tick = tick;
    held.row = row;
    held.seq = row.seq;
    held.epoch = epoch;
    held.connection = this.#connection;
    return isRepeat ? 'repeat' : 'news';
  }

  /** The row's record is about to go: a value that is nowhere else becomes a tick. */
  keep(row: Row): void {
    const held = this.#held.get(row.token);
    if (held?.row === row) this.#keep(row.token, held);
  }

  /** All records are about to go. */
  leaveRows(): void {
    for (const [token, held] of this.#held) {
      this.#keep(token, held);
      held.row = undefined;
    }
  }

  /** Rows have been missed: what came by rows stands for nothing until the next one of its own. */
  doubtRows(): void {
    for (const [token, held] of this.#held) {
      if (!held.row) continue;
      this.#keep(token, held);
      held.connection = NO_CONNECTION;
    }
    this.#recovering.clear();
  }

  has(token: number): boolean {
    return this.#held.has(token);
  }

  last(token: number): Tick | undefined {
    const held = this.#held.get(token);
    return held && this.#valueOf(held);
  }

  /** Confirmed on the present connection, with no missed tick on its way. */
  isCurrent(token: number): boolean {
    return this.#held.get(token)?.connection === this.#connection && !this.#recovering.has(token);
  }

  /** The current value's place in the order, undefined where there is none to resume from. */
  positionOf(token: number): { readonly epoch: string; readonly seq: number } | undefined {
    const held = this.#held.get(token);
    if (held?.epoch === undefined || !this.isCurrent(token)) return undefined;
    return { epoch: held.epoch, seq: held.seq };
  }

  beginRecovery(tokens: Iterable<number>): void {
    for (const token of tokens) this.#recovering.add(token);
  }

  /**
   * All missed ticks are here: what is held is current, whether or not one of them was its own. Returns the tokens of
   * which that is still true: those that have been given up wait for a tick.
   */
  completeRecovery(tokens: Iterable<number>): number[] {
    const completed: number[] = [];
    for (const token of tokens) {
      if (!this.#recovering.delete(token)) continue;
      completed.push(token);
      const held = this.#held.get(token);
      if (held) held.connection = this.#connection;
    }
    return completed;
  }

  /** Nobody said that all missed ticks are here: each instrument waits for a tick of its own. */
  abandonRecovery(tokens: Iterable<number>): void {
    for (const token of tokens) this.#recovering.delete(token);
  }

  /** The server has given up the stream: the value stands for nothing until a tick says that it was not so. */
  doubt(token: number): void {
    const held = this.#held.get(token);
    if (held) held.connection = NO_CONNECTION;
  }

  forget(token: number): void {
    this.#held.delete(token);
    this.#recovering.delete(token);
  }

  /** Of what is held. */
  tokens(): Iterable<number> {
    return this.#held.keys();
  }

  #isBehind(held: Held, seq: number, epoch: string | undefined): boolean {
    return seq < held.seq && epoch !== undefined && held.epoch === epoch;
  }

  /** The same object each time, until another value comes. */
  #valueOf(held: Held): Tick | undefined {
    if (held.tick === undefined && held.row) held.tick = this.#tickOf(held.row);
    return held.tick;
  }

  /** A record that was lost with the row that could not be read leaves no value. */
  #keep(token: number, held: Held): void {
    if (this.#valueOf(held) === undefined) this.#held.delete(token);
  }
}

function isReceivedLater(tick: Tick | undefined, than: Tick | undefined): boolean {
  if (!tick || !than) return true;
  return Date.parse(tick.received_at) > Date.parse(than.received_at);
}

/** Whether the ticks differ in nothing but their `seq`. */
function isSameValue(a: Tick, b: Tick): boolean {
  if (a.received_at !== b.received_at || a.mode !== b.mode) return false;
  return JSON.stringify({ ...a, seq: 0 }) === JSON.stringify({ ...b, seq: 0 });
}
