// Pinned subscriptions in PostgreSQL, as the sidecar follows them: read at start, when they change, and now and then.
import type postgres from 'postgres';
import { parseInstrumentToken } from '../../shared/instrument.ts';
import {
  SUBSCRIPTIONS_BACKOFF_MS_MIN,
  SUBSCRIPTIONS_MAX,
  SUBSCRIPTIONS_READ_GAP_MS,
  SUBSCRIPTIONS_READ_MS_MAX,
  SUBSCRIPTIONS_RECONCILE_MS,
} from '../../shared/limits.ts';
import type { TickMode } from '../../shared/tick.ts';
import type { Clock, Timer } from '../clock.ts';
import { fullJitterMs } from '../core/backoff.ts';
import type { PinnedInstrument } from '../core/demand.ts';
import type { Logger } from '../log.ts';
import type { Source } from '../source.ts';
import { DatabaseSession } from './db.ts';

/**
 * All pinned subscriptions, the oldest first, without those whose contract has expired: their tokens may be another's
 * by now. The day is that of India.
 */
export async function readSubscriptions(sql: postgres.Sql): Promise<PinnedInstrument[]> {
  const rows = await sql<{ instrument_token: string; requested_mode: TickMode; account_id: string | null }[]>`
    select instrument_token, requested_mode, account_id
    from subscriptions
    where expiry is null or expiry >= (now() at time zone 'UTC' + interval '5 hours 30 minutes')::date
    order by created_at, instrument_token
    limit ${SUBSCRIPTIONS_MAX}`;
  return rows.flatMap(({ instrument_token, requested_mode: mode, account_id: accountId }) => {
    const token = parseInstrumentToken(Number(instrument_token));
    if (token === undefined) return [];
    return [{ token, mode, ...(accountId === null ? {} : { accountId }) }];
  });
}

export interface SubscriptionWatchOptions {
  readonly databaseUrl: string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}

type Listener = (pinned: readonly PinnedInstrument[]) => void;

export class SubscriptionWatch implements Source<readonly PinnedInstrument[]> {
  readonly #options: SubscriptionWatchOptions;
  readonly #session: DatabaseSession;
  #timer: Timer | undefined;
  #isReading = false;
  /** Asked for while a reading was under way, which may have seen the state before the news. */
  #isDue = false;
  /** Undefined before the start and after the end. */
  #onRead: Listener | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(options: SubscriptionWatchOptions) {
    this.#options = options;
    this.#session = new DatabaseSession(options.databaseUrl, options.clock, SUBSCRIPTIONS_READ_MS_MAX);
  }

  /** Reads, and calls `onRead` with the whole set, now and again. While the database is away the last one stands. */
  start(onRead: Listener): void {
    this.#onRead = onRead;
    this.readNow();
  }

  /** Reads at once, or as soon as the reading under way is through, but not more often than the gap allows. */
  readNow(): void {
    if (!this.#onRead) return;
    this.#isDue = true;
    if (this.#isReading || this.#failures > 0) return;
    const waitMs = this.#readAtMs + SUBSCRIPTIONS_READ_GAP_MS - this.#options.clock.monotonicMs();
    if (waitMs <= 0) void this.#read();
    else this.#arm(waitMs);
  }

  stop(): void {
    this.#onRead = undefined;
    this.#timer?.cancel();
    this.#session.close();
  }

  async #read(): Promise<void> {
    const { clock, log } = this.#options;
    this.#timer?.cancel();
    this.#isReading = true;
    this.#isDue = false;
    this.#readAtMs = clock.monotonicMs();
    let pinned: readonly PinnedInstrument[] | undefined;
    try {
      pinned = await this.#session.ask(readSubscriptions);
      if (this.#failures > 0) log.info('subscriptions are read again', { failures: this.#failures });
      this.#failures = 0;
    } catch (error) {
      if (this.#onRead && this.#failures++ === 0) {
        log.warn('subscriptions are not read, those known stay', { error });
      }
    }
    this.#isReading = false;
    if (!this.#onRead) return;
    if (pinned) this.#onRead(pinned);
    this.#arm(this.#delayMs(pinned !== undefined));
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, () => void this.#read());
  }

  /** A database that fails is not asked any sooner for news. */
  #delayMs(isRead: boolean): number {
    if (isRead) return this.#isDue ? SUBSCRIPTIONS_READ_GAP_MS : SUBSCRIPTIONS_RECONCILE_MS;
    const range = { minMs: SUBSCRIPTIONS_BACKOFF_MS_MIN, maxMs: SUBSCRIPTIONS_RECONCILE_MS };
    // Half of the wait is certain: luck must not make it a tight loop.
    const certainMs = fullJitterMs(this.#failures - 1, range, 0.5);
    return certainMs + Math.floor(certainMs * this.#options.random());
  }
}
