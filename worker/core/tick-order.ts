// Which of two ticks of an instrument is the older one, by the exchange's time.
import { EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX } from '../../shared/limits.ts';
import { exchangeTimeOf, RECORD_WORDS_MAX, receivedAtOf } from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';

/**
 * Whether the record at word `at` is of before the one that the slot holds. The sidecar refuses such ticks by the same
 * rule, but forgets with its life, and with an instrument that nobody wanted for a while: the first packet after that is
 * Kite's cached one. An exchange time far ahead of the clock of its receipt is taken for so much only, or it would
 * silence its instrument.
 */
export function isOlder(store: TickStore, slot: number, words: Uint32Array, at: number): boolean {
  const timeS = exchangeTimeOf(words, at);
  const heldS = exchangeTimeOf(store.words, slot * RECORD_WORDS_MAX);
  if (timeS === 0 || timeS >= heldS) return false;
  const receivedAtMs = receivedAtOf(store.view, store.byteOffset(slot));
  return timeS < Math.min(heldS, Math.floor(receivedAtMs / 1_000) + EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX);
}
