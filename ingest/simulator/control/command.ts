// What the simulator can be told to do once, at run time.
import { z } from 'zod';
import {
  SIMULATOR_ORDER_COPIES_MAX,
  SIMULATOR_ORDERS_PER_COMMAND_MAX,
  SIMULATOR_SPOT_JUMP_PERCENT_MAX,
  SIMULATOR_TEXT_CHARS_MAX,
} from '../../../shared/limits.ts';
import { isDate } from '../core/expiry-calendar.ts';

/** An api_key, or a user id. */
const account = z.string().min(1);
const target = { account: account.exactOptional(), socket: z.int().min(1).exactOptional() };
/** Codes that a peer may send (RFC 6455, 7.4), and 1006 for none at all. */
const closeCode = z
  .int()
  .refine(
    (code) =>
      [1000, 1001, 1002, 1003].includes(code) ||
      (code >= 1006 && code <= 1014) ||
      (code >= 3000 && code <= 4999),
  );

export const Command = z.discriminatedUnion('command', [
  z.strictObject({
    command: z.literal('close_sockets'),
    code: closeCode,
    reason: z.string().max(100).default(''),
    ...target,
  }),
  /** A text frame, whatever it says. */
  z.strictObject({
    command: z.literal('send_text'),
    text: z.string().max(SIMULATOR_TEXT_CHARS_MAX),
    ...target,
  }),
  /** Order updates to every socket of the user, in this order, each so many times. */
  z.strictObject({
    command: z.literal('send_orders'),
    account,
    orders: z.array(z.record(z.string(), z.unknown())).min(1).max(SIMULATOR_ORDERS_PER_COMMAND_MAX),
    copies: z.int().min(1).max(SIMULATOR_ORDER_COPIES_MAX).default(1),
  }),
  /** Ends the tokens of an account, or of all. */
  z.strictObject({ command: z.literal('expire_token'), account: account.exactOptional() }),
  /** Somebody else logs in to the same app: the token before dies. */
  z.strictObject({ command: z.literal('log_in'), account }),
  z.strictObject({ command: z.literal('set_redirect_url'), account, url: z.url() }),
  /** To a time, or by so many ms. */
  z.strictObject({ command: z.literal('set_clock'), to: z.iso.datetime({ offset: true }) }),
  z.strictObject({ command: z.literal('advance_clock'), by_ms: z.number() }),
  /** The spot of an instrument like `NSE:NIFTY 50` jumps, with everything that is priced by it. */
  z.strictObject({
    command: z.literal('move_spot'),
    symbol: z.string().min(1),
    by_percent: z.number().min(-SIMULATOR_SPOT_JUMP_PERCENT_MAX).max(SIMULATOR_SPOT_JUMP_PERCENT_MAX),
  }),
  z.strictObject({
    command: z.literal('open_date'),
    trading_date: z.string().refine(isDate, 'must be a date as YYYY-MM-DD'),
  }),
]);
export type Command = z.output<typeof Command>;
/** As callers write it: what has a default may be left out. */
export type CommandInput = z.input<typeof Command>;
