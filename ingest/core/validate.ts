// Accept or reject a decoded tick record, with the reason that is counted.
import { EXCHANGE_TIME_AHEAD_S_MAX } from '../../shared/limits.ts';
import { AT, RECORD_KIND } from '../../shared/tick.ts';

export const TICK_REJECTIONS = [
  'unknown_instrument',
  'not_subscribed',
  'no_price',
  'ohlc_inconsistent',
  'exchange_time_ahead',
  'out_of_order',
] as const;
export type TickRejection = (typeof TICK_REJECTIONS)[number];

/**
 * Why the record at the start of `words` must not be passed on, or undefined if it is good.
 * `newestExchangeTimeS` is the newest exchange time accepted for its token, 0 for none.
 *
 * Only full records carry an exchange time. After a subscribe Kite first sends its cached last packet, and after a
 * move two sockets may carry one token for a moment: a time that runs backwards shows that the price is older than the
 * one we have. Equal times are kept, because their resolution is a second. ltp and quote records have nothing to compare.
 */
export function rejectionOf(
  words: Uint32Array,
  receivedAtMs: number,
  newestExchangeTimeS: number,
): TickRejection | undefined {
  const kind = words[AT.kind / 4];
  if (kind === RECORD_KIND.ltp) {
    // A never-traded option has no last price but may well have a book; an ltp record without it says nothing at all.
    return words[AT.lastPrice / 4] === 0 ? 'no_price' : undefined;
  }
  const high = words[AT.high / 4] as number;
  const low = words[AT.low / 4] as number;
  if (high < low && high !== 0) return 'ohlc_inconsistent';
  const exchangeTimeS = exchangeTimeOf(words);
  if (exchangeTimeS === 0) return undefined;
  if (exchangeTimeS > receivedAtMs / 1_000 + EXCHANGE_TIME_AHEAD_S_MAX) return 'exchange_time_ahead';
  if (exchangeTimeS < newestExchangeTimeS) return 'out_of_order';
  return undefined;
}

/** Exchange time of the record at the start of `words` in seconds; 0 where its kind has none or the packet left it empty. */
export function exchangeTimeOf(words: Uint32Array): number {
  const kind = words[AT.kind / 4];
  if (kind !== RECORD_KIND.full && kind !== RECORD_KIND.indexFull) return 0;
  return words[AT.exchangeTimestamp / 4] as number;
}
