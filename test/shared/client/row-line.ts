// The rows of one binary connection as a gateway keeps them: ids that it has given out, what the client has, frames.
import type { ModeRank } from '../../../shared/tick.ts';
import { type Scale, scaleOf } from '../../../shared/wire/scale.ts';
import { type SentRow, TestSender } from '../wire/wire-connection.ts';

export type RowTuple = readonly [number, number, number, number, string, string];

export interface LineRow {
  readonly token: number;
  readonly record: Uint32Array;
  /** Full when absent. */
  readonly rank?: ModeRank;
}

export class RowLine {
  readonly #sender = new TestSender();
  readonly #idOf = new Map<number, { readonly id: number; readonly scale: Scale }>();
  /** What the client has, by token. */
  readonly #sent = new Map<number, { readonly record: Uint32Array; readonly rank: ModeRank }>();
  #isBegun = false;

  hasId(token: number): boolean {
    return this.#idOf.has(token);
  }

  /** The tuple of the announcement; the id's owner until now has none. */
  announce(token: number, id = this.#freeId(), tick = 1, lot = 1): RowTuple {
    for (const [owner, given] of this.#idOf) if (given.id === id) this.#idOf.delete(owner);
    this.#idOf.set(token, { id, scale: scaleOf(tick, lot) });
    this.#sent.delete(token);
    return [id, token, tick, lot, 'NSE', `S${token}`];
  }

  /** The next row of each is a keyframe. */
  forget(tokens: readonly number[]): void {
    for (const token of tokens) this.#sent.delete(token);
  }

  /** One flush; a restart when it has to be one, or when asked for. */
  frame(seq: number, rows: readonly LineRow[], isRestart = false): ArrayBuffer {
    const isNew = isRestart || !this.#isBegun || seq < this.#sender.seq;
    if (isNew) this.#sent.clear();
    // Restarts count as well: else nobody could tell that one is missing.
    if (isNew && this.#isBegun) this.#sender.counter = (this.#sender.counter + 1) & 0x7fff;
    this.#isBegun = true;
    return this.#sender.frame(
      seq,
      rows.map((row) => this.#rowOf(row)),
      isNew,
    ).buffer as ArrayBuffer;
  }

  #freeId(): number {
    const taken = new Set([...this.#idOf.values()].map(({ id }) => id));
    let id = 0;
    while (taken.has(id)) id++;
    return id;
  }

  #rowOf({ token, record, rank = 3 }: LineRow): SentRow {
    const given = this.#idOf.get(token);
    if (!given) throw new Error(`${token} has no id`);
    const sent = this.#sent.get(token);
    this.#sent.set(token, { record, rank });
    return { ...given, record, rank, base: sent?.rank === rank ? sent.record : undefined };
  }
}
