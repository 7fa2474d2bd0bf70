// Writes each new instrument list to the database, off the tick path: no database costs symbols, never ticks.
import type postgres from 'postgres';
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { INSTRUMENT_LOAD_BACKOFF_MS_MAX, INSTRUMENT_LOAD_BACKOFF_MS_MIN } from '../../shared/limits.ts';
import type { Clock, Timer } from '../clock.ts';
import { fullJitterMs } from '../core/backoff.ts';
import type { Logger } from '../log.ts';
import { storeInstruments, tradingDateOf } from './instruments.ts';

export interface InstrumentWriterOptions {
  readonly sql: postgres.Sql;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}

export class InstrumentWriter {
  readonly #options: InstrumentWriterOptions;
  /** The list that waits: a newer one takes its place. */
  #waiting: readonly InstrumentDefinition[] | undefined;
  #isWriting = false;
  #isStopped = false;
  #failures = 0;
  #retry: Timer | undefined;

  constructor(options: InstrumentWriterOptions) {
    this.#options = options;
  }

  write(definitions: readonly InstrumentDefinition[]): void {
    this.#waiting = definitions;
    this.#retry?.cancel();
    if (!this.#isWriting) void this.#next();
  }

  stop(): void {
    this.#isStopped = true;
    this.#retry?.cancel();
    void this.#options.sql.end({ timeout: 1 });
  }

  async #next(): Promise<void> {
    const { sql, clock, random, log } = this.#options;
    const definitions = this.#waiting;
    if (!definitions || this.#isStopped) return;
    this.#waiting = undefined;
    this.#isWriting = true;
    const startedAtMs = clock.monotonicMs();
    try {
      await storeInstruments(sql, definitions, tradingDateOf(clock.wallMs()));
      this.#failures = 0;
      const ms = Math.round(clock.monotonicMs() - startedAtMs);
      log.info('instruments stored', { count: definitions.length, ms });
    } catch (error) {
      this.#waiting ??= definitions;
      if (!this.#isStopped) {
        const range = { minMs: INSTRUMENT_LOAD_BACKOFF_MS_MIN, maxMs: INSTRUMENT_LOAD_BACKOFF_MS_MAX };
        const delayMs = fullJitterMs(this.#failures++, range, random());
        log.error('instruments not stored', { error, retryInMs: delayMs });
        this.#isWriting = false;
        this.#retry = clock.after(delayMs, () => void this.#next());
      }
      return;
    }
    this.#isWriting = false;
    void this.#next();
  }
}
