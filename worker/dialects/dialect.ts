// The contract of a dialect: one wire syntax, as two pure functions over text and one over tick records.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import type { ModeRank } from '../../shared/tick.ts';
import type { Bar, ClientCommand, ServerEvent } from '../core/protocol.ts';

/** A dialect holds no state: what a socket needs to remember lives in the session. */
export interface Dialect {
  /** The command in one message of a client. Never throws: what cannot be read is a `refused` command. */
  parse(message: string | ArrayBuffer): ClientCommand;
  /** One event as one frame. */
  encode(event: ServerEvent): string;
  /**
   * The record at byte `at` of `view` as one frame, cut down to `rank` (or to what the record holds, if that is less).
   * Called once per (instrument, rank) and flush, whatever the number of clients. `seq` is the flush's number.
   */
  encodeTick(
    view: DataView,
    at: number,
    rank: ModeRank,
    definition: InstrumentDefinition,
    seq: number,
  ): string;
  /** The bar as one frame. Called once per bar, whatever the number of clients. */
  encodeBar(bar: Bar): string;
  /** A message that clients send to stay alive and the exact reply, answered without waking the object. */
  readonly keepAlive: { readonly request: string; readonly response: string };
}
