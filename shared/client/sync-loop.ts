// When the server is told what is wanted: calls of one turn together, at a pace that it takes, and again what it left open.
import {
  CLIENT_SDK_MESSAGES_PER_S,
  CLIENT_SDK_REFUSED_RETRY_MS,
  CLIENT_SDK_REQUESTS_OPEN_MAX,
  CLIENT_SDK_RETRY_AFTER_MS_MAX,
} from '../limits.ts';
import type { Clock, Timer } from './clock.ts';
import type { ServerLimits } from './message.ts';
import type { CommandFields } from './stream-kind.ts';

/** Shortest pause before something is tried again that nothing has changed about. */
const RECHECK_MS_MIN = 1_000;

/** Something that the server has to be kept in step with. */
export interface Synced {
  readonly openRequestsCount: number;
  /** Gives up requests without an answer; returns about how many instruments they were. */
  expire(nowMs: number): number;
  /** Commands that say what the server does not know yet, at most so many of them that wait for an answer. */
  plan(nowMs: number, requestsMax: number): readonly CommandFields[];
  /** When there is something to do without news. */
  nextDueMs(): number | undefined;
}

export interface SyncLoopOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly send: (fields: CommandFields) => void;
  /** Requests about so many instruments were never answered; they are made again. */
  readonly onUnanswered: (count: number) => void;
}

export class SyncLoop {
  readonly #options: SyncLoopOptions;
  readonly #all: readonly Synced[];
  /** Undefined without a session. */
  #limits: ServerLimits | undefined;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  /** The server's rate of commands allows the next one then. */
  #sendAtMs = 0;

  /** Of `all`, the first are told first. */
  constructor(options: SyncLoopOptions, all: readonly Synced[]) {
    this.#options = options;
    this.#all = all;
  }

  /** There is a session: says at once what is wanted. */
  begin(limits: ServerLimits): void {
    this.#limits = limits;
    this.#sendAtMs = 0;
    this.#sync();
  }

  /** The session is over. */
  end(): void {
    this.#limits = undefined;
    this.#cancelTimer();
  }

  /** The server wants to be left alone for so long. */
  pause(forMs: number): void {
    const untilMs = this.#options.clock.nowMs() + Math.min(forMs, CLIENT_SDK_RETRY_AFTER_MS_MAX);
    this.#sendAtMs = Math.max(this.#sendAtMs, untilMs);
  }

  /** Calls of one turn of the event loop become one message per kind of options. */
  soon(): void {
    if (this.#limits) this.#wakeAt(this.#sendAtMs);
  }

  #wakeAt(atMs: number): void {
    if (this.#timer && this.#timerAtMs <= atMs) return;
    this.#cancelTimer();
    const { clock } = this.#options;
    this.#timerAtMs = atMs;
    this.#timer = clock.after(Math.max(0, atMs - clock.nowMs()), () => {
      this.#cancelTimer();
      this.#sync();
    });
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
  }

  #sync(): void {
    if (!this.#limits) return;
    const { clock, random, send, onUnanswered } = this.#options;
    const nowMs = clock.nowMs();
    let unanswered = 0;
    for (const each of this.#all) unanswered += each.expire(nowMs);
    let sent = 0;
    for (const each of this.#all) {
      const open = this.#all.reduce((sum, { openRequestsCount }) => sum + openRequestsCount, 0);
      const commands = each.plan(nowMs, CLIENT_SDK_REQUESTS_OPEN_MAX - open);
      for (const command of commands) send(command);
      sent += commands.length;
    }
    const perSecond = this.#limits.messages_per_second ?? CLIENT_SDK_MESSAGES_PER_S;
    this.#sendAtMs = Math.max(this.#sendAtMs, nowMs + (sent * 1_000) / perSecond);
    const dueMs = Math.min(...this.#all.map((each) => each.nextDueMs() ?? Infinity));
    if (dueMs !== Infinity) {
      const jitterMs = Math.floor(random() * CLIENT_SDK_REFUSED_RETRY_MS);
      this.#wakeAt(Math.max(dueMs, nowMs + RECHECK_MS_MIN) + jitterMs);
    }
    if (unanswered > 0) onUnanswered(unanswered);
  }
}
