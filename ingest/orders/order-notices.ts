// Numbered order events on their way to the edge: in order, and never more at once than it passes on.
import { ORDER_NOTICES_WAITING_MAX, ORDER_UPDATES_PER_SECOND_MAX } from '../../shared/limits.ts';
import type { Clock, Timer } from '../clock.ts';
import type { OrderEvent } from '../core/orders/task.ts';

const INTERVAL_MS = 1_000 / ORDER_UPDATES_PER_SECOND_MAX;

export interface OrderNoticesOptions {
  readonly clock: Clock;
  /** JSON text of one event; it may get lost. */
  readonly notify: (event: string) => void;
}

/**
 * A sidecar that finds a full book tells of thousands at once. Whatever is left out here the edge reads from the database:
 * it sees that a number is missing when the next one comes. So the oldest are left out, and the last one never.
 */
export class OrderNotices {
  readonly #options: OrderNoticesOptions;
  #waiting: OrderEvent[] = [];
  /** When a full second of events may leave at once again, were no more to come. */
  #calmAtMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(options: OrderNoticesOptions) {
    this.#options = options;
  }

  push(events: readonly OrderEvent[]): void {
    this.#waiting = [...this.#waiting, ...events].slice(-ORDER_NOTICES_WAITING_MAX);
    this.#send();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#waiting = [];
  }

  #send(): void {
    const { clock, notify } = this.#options;
    this.#timer?.cancel();
    const nowMs = clock.monotonicMs();
    while (this.#waiting.length > 0) {
      const calmAtMs = Math.max(this.#calmAtMs, nowMs) + INTERVAL_MS;
      const waitMs = calmAtMs - nowMs - 1_000;
      if (waitMs > 0) {
        this.#timer = clock.after(waitMs, () => this.#send());
        return;
      }
      this.#calmAtMs = calmAtMs;
      const event = this.#waiting.shift();
      if (event) notify(noticeOf(event));
    }
  }
}

function noticeOf({ seq, accountId, payload }: OrderEvent): string {
  return JSON.stringify({ seq, account_id: accountId, order: payload });
}
