// The contract of a dialect: one wire syntax, as pure functions over messages, and how it sends ticks.
import type { Bar, ClientCommand, ServerEvent } from '../core/protocol.ts';
import type { Frame, TickOutput } from '../core/row-format.ts';

/** A dialect holds no state: what a socket needs to remember lives in the session. */
export interface Dialect {
  /** The command in one message of a client. Never throws: what cannot be read is a `refused` command. */
  parse(message: string | ArrayBuffer): ClientCommand;
  /**
   * Where clients send many small messages at once: the commands that come to the same as those that waited together. Few,
   * however many those are.
   */
  joinCommands?(commands: readonly ClientCommand[]): ClientCommand[];
  /** One event as one frame; undefined where the dialect's clients are not told of it. */
  encode(event: ServerEvent): string | undefined;
  readonly ticks: TickOutput;
  /** The bar as one frame, where clients can ask for bars. Called once per bar, whatever the number of clients. */
  readonly encodeBar?: (bar: Bar) => string;
  /** What is sent to a client to which nothing was sent for a while: its clients take a few silent seconds for the end. */
  readonly heartbeat?: Frame;
}
