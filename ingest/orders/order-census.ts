// Counts the order tasks now and then, so that the sidecar can say how many wait, and for what.

import { ORDER_FIGURES_ANSWER_MS_MAX, ORDER_FIGURES_MS } from '../../shared/limits.ts';
import type { OrdersStatus } from '../../shared/status.ts';
import type { Clock, Timer } from '../clock.ts';
import { DatabaseSession } from '../store/db.ts';
import { readOrderFigures } from '../store/order-figures.ts';

export class OrderCensus {
  readonly #clock: Clock;
  readonly #session: DatabaseSession;
  #status: OrdersStatus | undefined;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(databaseUrl: string, clock: Clock) {
    this.#clock = clock;
    const answerMsMax = ORDER_FIGURES_ANSWER_MS_MAX;
    this.#session = new DatabaseSession(databaseUrl, clock, answerMsMax, answerMsMax);
  }

  /** As of the last count that succeeded: its time says how old it is. */
  get status(): OrdersStatus | undefined {
    return this.#status;
  }

  start(): void {
    void this.#count();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#session.close();
  }

  /** Never rejects. That the database is away others say. */
  async #count(): Promise<void> {
    const figures = await this.#session.ask(readOrderFigures).catch(() => undefined);
    if (this.#isStopped) return;
    if (figures) {
      this.#status = { as_of: this.#clock.wallMs(), open: figures.open, given_up: figures.givenUp };
    }
    this.#timer = this.#clock.after(ORDER_FIGURES_MS, () => void this.#count());
  }
}
