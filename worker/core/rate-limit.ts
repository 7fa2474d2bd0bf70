// The pace of one socket's messages: what comes too fast waits its turn, and only a flood ends the socket.
import {
  CLIENT_COMMANDS_QUEUED_MAX,
  MESSAGES_ABUSIVE_PER_SECOND,
  MESSAGES_PER_SECOND_MAX,
} from '../../shared/limits.ts';

const INTERVAL_MS = 1_000 / MESSAGES_PER_SECOND_MAX;

export type RateVerdict =
  /** Carry it out at `dueAtMs`, which is now or later; later messages are never due earlier. */
  | { readonly kind: 'take'; readonly dueAtMs: number }
  /** Too many wait already: this one is not read, its sender is told `rate_limited` and when there may be room again. */
  | { readonly kind: 'refuse'; readonly retryAfterMs: number }
  /** A flood: the socket is closed with `too_many_commands`. */
  | { readonly kind: 'close' };

/**
 * One per socket: three numbers, no queue of its own. `dueAtMs` is a point in time and not a delay, because messages
 * are carried out one after the other, and delays that start when the one before has ended would add up. The queue's
 * bound is the bound of the wait: what is taken is due CLIENT_COMMANDS_QUEUED_MAX intervals from now at the latest.
 */
export class MessageRate {
  readonly #abuseIntervalMs: number;
  /** When the bucket of MESSAGES_PER_SECOND_MAX tokens will be full again, were nothing more to come. */
  #fullAtMs = 0;
  /** The same of arrivals, taken or not, in a bucket of one second of abuse. */
  #calmAtMs = 0;
  #takenAtMs = 0;

  /** More messages than `abusivePerSecond` are a flood. */
  constructor(abusivePerSecond = MESSAGES_ABUSIVE_PER_SECOND) {
    this.#abuseIntervalMs = 1_000 / abusivePerSecond;
  }

  /** A message has come; true when it is one of a flood. */
  isFlood(nowMs: number): boolean {
    // A clock that is set back must not count the time in between as messages.
    const backMs = Math.max(0, this.#takenAtMs - nowMs);
    this.#fullAtMs -= backMs;
    this.#calmAtMs -= backMs;
    this.#takenAtMs = nowMs;
    this.#calmAtMs = Math.max(this.#calmAtMs, nowMs) + this.#abuseIntervalMs;
    return this.#calmAtMs - nowMs > 1_000;
  }

  /** A message has come while so many of before it are `unanswered`. */
  take(nowMs: number, unanswered: number): RateVerdict {
    if (this.isFlood(nowMs)) return { kind: 'close' };
    const fullAtMs = Math.max(this.#fullAtMs, nowMs) + INTERVAL_MS;
    const dueAtMs = Math.max(nowMs, fullAtMs - 1_000);
    if (unanswered >= CLIENT_COMMANDS_QUEUED_MAX) {
      // When the first of those that wait is due; they may also be slow to answer, and nobody knows how slow.
      const roomAfterMs = dueAtMs - nowMs - CLIENT_COMMANDS_QUEUED_MAX * INTERVAL_MS;
      return { kind: 'refuse', retryAfterMs: Math.max(INTERVAL_MS, roomAfterMs) };
    }
    this.#fullAtMs = fullAtMs;
    return { kind: 'take', dueAtMs };
  }
}
