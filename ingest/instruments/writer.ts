// Has each new instrument list stored in the database, off the tick path: no database costs symbols, never ticks.
import {
  INSTRUMENT_LOAD_BACKOFF_MS_MAX,
  INSTRUMENT_LOAD_BACKOFF_MS_MIN,
  INSTRUMENT_STORE_MS_MAX,
} from '../../shared/limits.ts';
import type { Clock, Timer } from '../clock.ts';
import { fullJitterMs } from '../core/backoff.ts';
import type { Logger } from '../log.ts';
import type { InstrumentRegistry } from './registry.ts';
import type { RunTask } from './thread.ts';

export interface InstrumentWriterOptions {
  readonly databaseUrl: string;
  /** False: a list may lack any part of the stored one. */
  readonly mustBeWhole: boolean;
  readonly run: RunTask;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** The list lacks so much of the stored one that it was not stored. */
  readonly onRefused: () => void;
}

interface DatedList {
  readonly registry: InstrumentRegistry;
  readonly tradingDate: string;
}

export class InstrumentWriter {
  readonly #options: InstrumentWriterOptions;
  readonly #abort = new AbortController();
  /** The list that waits: a newer one takes its place. */
  #waiting: DatedList | undefined;
  #isStored = false;
  #isWriting = false;
  #failures = 0;
  #retry: Timer | undefined;

  constructor(options: InstrumentWriterOptions) {
    this.#options = options;
  }

  /** The last list is in the database. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** Stores the list, however often the database has to be asked. */
  write(registry: InstrumentRegistry, tradingDate: string): void {
    this.#waiting = { registry, tradingDate };
    this.#isStored = false;
    this.#retry?.cancel();
    if (!this.#isWriting) void this.#next();
  }

  stop(): void {
    this.#waiting = undefined;
    this.#retry?.cancel();
    this.#abort.abort();
  }

  async #next(): Promise<void> {
    const { clock, random, log } = this.#options;
    const list = this.#waiting;
    if (!list) return;
    this.#waiting = undefined;
    this.#isWriting = true;
    try {
      await this.#store(list);
      this.#failures = 0;
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#waiting ??= list;
      const range = { minMs: INSTRUMENT_LOAD_BACKOFF_MS_MIN, maxMs: INSTRUMENT_LOAD_BACKOFF_MS_MAX };
      const delayMs = fullJitterMs(this.#failures++, range, random());
      log.error('instruments not stored', { error, retryInMs: delayMs });
      this.#retry = clock.after(delayMs, () => void this.#next());
      return;
    } finally {
      this.#isWriting = false;
    }
    void this.#next();
  }

  async #store({ registry, tradingDate }: DatedList): Promise<void> {
    const { databaseUrl, mustBeWhole, run, clock, log, onRefused } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const { columns } = registry;
    const verdict = await run(
      { kind: 'store', databaseUrl, columns, tradingDate, mustBeWhole },
      { signal: this.#abort.signal, msMax: INSTRUMENT_STORE_MS_MAX },
    );
    if (verdict.kind === 'refused') {
      log.error('instruments not stored, the stored list stays', { reason: verdict.reason, tradingDate });
      onRefused();
      return;
    }
    this.#isStored = this.#waiting === undefined;
    const ms = Math.round(clock.monotonicMs() - startedAtMs);
    log.info('instruments stored', { count: registry.size, tradingDate, ms });
  }
}
