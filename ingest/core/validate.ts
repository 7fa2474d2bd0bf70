// Accept or reject a decoded tick record, with the reason that is counted.
import {
  EXCHANGE_TIME_AHEAD_S_MAX,
  KITE_LOWER_MODE_PACKETS_MAX,
  VOLUME_COMPARED_MS_MAX,
} from '../../shared/limits.ts';
import { AT, exchangeTimeOf, isFullKind, RECORD_KIND, rankOfKind } from '../../shared/tick.ts';

export const TICK_REJECTIONS = [
  'unknown_instrument',
  'not_subscribed',
  'no_price',
  'ohlc_inconsistent',
  'exchange_time_ahead',
  'out_of_order',
  'lower_mode',
] as const;
export type TickRejection = (typeof TICK_REJECTIONS)[number];

/** What is there of an instrument when its next record comes. */
export interface HeldTick {
  /** The record starts at word `at`; its kind is 0 while there is none. */
  readonly words: Uint32Array;
  readonly at: number;
  /** Newest exchange time accepted, in seconds; 0 for none. */
  readonly newestExchangeTimeS: number;
  /** Rank of the mode that was asked for. */
  readonly wantedRank: number;
  /** Records of a lower mode that were refused since the last that was taken. */
  readonly lowerModeRefused: number;
}

/**
 * Why the record at the start of `words` must not be passed on, or undefined if it is good.
 *
 * No record may replace a newer one. After a subscribe Kite first sends its cached last packet, in quote mode until it
 * has read which mode is wanted, and after a move two sockets may carry one instrument for a moment. Full records show
 * their age by the exchange's time. That has a resolution of a second and quotes have none: there the volume tells, which
 * only grows within a session. An ltp record, and an index in quote mode, have nothing to compare.
 */
export function rejectionOf(
  words: Uint32Array,
  receivedAtMs: number,
  held: HeldTick,
): TickRejection | undefined {
  const kind = words[AT.kind / 4] as number;
  // A never-traded option has no last price but may well have a book; an ltp record without it says nothing at all.
  if (kind === RECORD_KIND.ltp) {
    if (words[AT.lastPrice / 4] === 0) return 'no_price';
  } else {
    const high = words[AT.high / 4] as number;
    if (high < (words[AT.low / 4] as number) && high !== 0) return 'ohlc_inconsistent';
  }
  const exchangeTimeS = exchangeTimeOf(words);
  if (exchangeTimeS > receivedAtMs / 1_000 + EXCHANGE_TIME_AHEAD_S_MAX) return 'exchange_time_ahead';
  if (exchangeTimeS !== 0 && exchangeTimeS < held.newestExchangeTimeS) return 'out_of_order';
  const traded = tradedSince(held, words, kind);
  if (traded < 0) {
    const ageMs = receivedAtMs - heldSinceMs(held);
    const isSameSession =
      exchangeTimeS === 0
        ? ageMs >= 0 && ageMs <= VOLUME_COMPARED_MS_MAX
        : exchangeTimeS === held.newestExchangeTimeS;
    if (isSameSession) return 'out_of_order';
  }
  // With more volume it is news, and a newer price is worth more than a depth.
  if (traded <= 0 && isLowerMode(kind, held)) return 'lower_mode';
  return undefined;
}

/** By how much the record's volume is above the held one's; 0 where one of them has none. */
function tradedSince({ words: held, at }: HeldTick, words: Uint32Array, kind: number): number {
  if (!hasVolume(kind) || !hasVolume(held[at + AT.kind / 4] as number)) return 0;
  return (words[AT.volume / 4] as number) - (held[at + AT.volume / 4] as number);
}

function heldSinceMs({ words, at }: HeldTick): number {
  const high = words[at + AT.receivedAtHigh / 4] as number;
  return high * 0x1_0000_0000 + (words[at + AT.receivedAtLow / 4] as number);
}

function hasVolume(kind: number): boolean {
  return kind === RECORD_KIND.quote || isFullKind(kind);
}

/** The record has less than was asked for and than is there: sent before Kite had read the mode. */
function isLowerMode(kind: number, { words, at, wantedRank, lowerModeRefused }: HeldTick): boolean {
  const rank = rankOfKind(kind);
  if (rank >= wantedRank || lowerModeRefused >= KITE_LOWER_MODE_PACKETS_MAX) return false;
  return rankOfKind(words[at + AT.kind / 4] as number) > rank;
}
