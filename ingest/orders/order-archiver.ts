// Has old orders archived: at the start and each hour, in portions, as long as there is something.
import {
  ORDER_ARCHIVE_ANSWER_MS_MAX,
  ORDER_ARCHIVE_CHECK_MS,
  ORDER_ARCHIVE_PAUSE_MS,
} from '../../shared/limits.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../log.ts';
import { DatabaseSession } from '../store/db.ts';
import { archivePortion } from '../store/order-archive.ts';

export interface OrderArchiverOptions {
  readonly databaseUrl: string;
  readonly epoch: number;
  readonly retentionDays: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export class OrderArchiver {
  readonly #options: OrderArchiverOptions;
  readonly #session: DatabaseSession;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: OrderArchiverOptions) {
    this.#options = options;
    const answerMsMax = ORDER_ARCHIVE_ANSWER_MS_MAX;
    this.#session = new DatabaseSession(options.databaseUrl, options.clock, answerMsMax, answerMsMax);
  }

  start(): void {
    void this.#archive();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#session.close();
  }

  /** Never rejects. */
  async #archive(): Promise<void> {
    const { epoch, retentionDays, clock, log } = this.#options;
    let hasMore = false;
    try {
      const taken = await this.#session.ask((sql) => archivePortion(sql, epoch, retentionDays));
      hasMore = Object.values(taken).some((count) => count > 0);
      if (hasMore) log.info('old orders archived', { ...taken });
    } catch (error) {
      if (!this.#isStopped) log.warn('old orders not archived, it is tried again in an hour', { error });
    }
    if (this.#isStopped) return;
    // A connection that is used once an hour is one too many.
    if (!hasMore) this.#session.close();
    const delayMs = hasMore ? ORDER_ARCHIVE_PAUSE_MS : ORDER_ARCHIVE_CHECK_MS;
    this.#timer = clock.after(delayMs, () => void this.#archive());
  }
}
