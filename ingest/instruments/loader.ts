// Keeps the day's instrument list: reads it at start and each morning, tries again, and falls back to the last good copy.
import {
  INSTRUMENT_DUMP_MS_MAX,
  INSTRUMENT_LOAD_BACKOFF_MS_MAX,
  INSTRUMENT_LOAD_BACKOFF_MS_MIN,
  INSTRUMENT_REFRESH_CHECK_MS,
} from '../../shared/limits.ts';
import type { InstrumentsStatus } from '../../shared/status.ts';
import type { Clock, Timer } from '../clock.ts';
import { fullJitterMs } from '../core/backoff.ts';
import { faultOf, shrinkageOf, totalOf } from '../core/list-check.ts';
import { listDateOf, refreshMomentOf } from '../core/refresh-time.ts';
import type { Logger } from '../log.ts';
import { ThrottledError } from './dump.ts';
import { InstrumentRegistry } from './registry.ts';
import type { RunTask, TaskLimits } from './thread.ts';

export interface LoadedList {
  readonly registry: InstrumentRegistry;
  /** `YYYY-MM-DD`. */
  readonly tradingDate: string;
  readonly source: 'kite' | 'database';
}

export interface LoaderOptions {
  readonly apiRoot: string;
  /** Without it there is no last good list but the one in use. */
  readonly databaseUrl: string | undefined;
  readonly run: RunTask;
  /** False: a list may lack any part of the last good one, and end anywhere. */
  readonly mustBeWhole: boolean;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Takes the new list over; if it throws, the list is not good and loading is tried again. */
  readonly onLoaded: (list: LoadedList) => void;
}

type Current = LoadedList & { readonly badRows: number; readonly loadedAtMs: number };

export class InstrumentLoader {
  readonly #options: LoaderOptions;
  readonly #abort = new AbortController();
  #current: Current | undefined;
  /** The refresh whose list is in use: see `refreshMomentOf`. */
  #refreshedAtMs: number | undefined;
  #failures = 0;
  #isLoading = false;
  /** The list in use lacks much of the stored one, which could not be asked when it was taken. */
  #isDoubtful = false;
  /** The next look at the clock, or the next attempt. */
  #timer: Timer | undefined;

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  get status(): InstrumentsStatus {
    const current = this.#current;
    const failures = this.#failures === 0 ? {} : { failures: this.#failures };
    if (!current) return { status: this.#failures === 0 ? 'loading' : 'failed', count: 0, ...failures };
    return {
      status: this.#failures === 0 && current.source === 'kite' ? 'ok' : 'stale',
      count: current.registry.size,
      loaded_at: current.loadedAtMs,
      trading_date: current.tradingDate,
      source: current.source,
      bad_rows: current.badRows,
      ...failures,
    };
  }

  start(): void {
    void this.#load();
  }

  stop(): void {
    this.#abort.abort();
    this.#timer?.cancel();
  }

  /** The list in use has turned out not to be whole: reads Kite's again, or goes back to the last good one. */
  doubt(): void {
    this.#isDoubtful = true;
    if (this.#isLoading || this.#abort.signal.aborted) return;
    this.#timer?.cancel();
    void this.#load();
  }

  #check(): void {
    if (this.#refreshedAtMs === refreshMomentOf(this.#options.clock.wallMs())) this.#checkLater();
    else void this.#load();
  }

  #checkLater(): void {
    if (this.#abort.signal.aborted) return;
    this.#timer = this.#options.clock.after(INSTRUMENT_REFRESH_CHECK_MS, () => this.#check());
  }

  async #load(): Promise<void> {
    this.#isLoading = true;
    try {
      await this.#takeDump();
      this.#failures = 0;
      this.#checkLater();
    } catch (error) {
      // A list in use is as good as the stored one: it is that one, or one that was compared with it.
      if (!this.#current || this.#isDoubtful) await this.#takeStored();
      this.#tryAgain(error);
    } finally {
      this.#isLoading = false;
    }
  }

  async #takeDump(): Promise<void> {
    const { apiRoot, databaseUrl, run, mustBeWhole, clock, log } = this.#options;
    const startedAtMs = clock.monotonicMs();
    // Of before the download: what Kite serves from the next refresh on is not taken for the list of this one.
    const wallMs = clock.wallMs();
    const before = this.#current?.registry;
    const task = { kind: 'download', apiRoot, databaseUrl, before: before?.columns } as const;
    const { list, storedRows, changes } = await run(task, this.#limits);
    if (this.#abort.signal.aborted) return;
    const registry = new InstrumentRegistry(list.columns, before && changes && { before, changes });
    const rows = registry.exchangeRows;
    // While the stored list cannot be asked, the one in use is the last good one.
    const lastGood = storedRows ?? before?.exchangeRows;
    const fault = faultOf({ ...list, rows, isCutOff: list.isCutOff && mustBeWhole });
    const shrinkage = lastGood && mustBeWhole ? shrinkageOf(rows, lastGood) : undefined;
    if (fault !== undefined || shrinkage !== undefined)
      throw new Error(`list is not whole: ${fault ?? shrinkage}`);
    const tradingDate = listDateOf(wallMs);
    this.#take({ registry, tradingDate, source: 'kite', badRows: list.badRows, loadedAtMs: wallMs });
    this.#refreshedAtMs = refreshMomentOf(wallMs);
    log.info('instruments loaded', {
      count: registry.size,
      tradingDate,
      ms: Math.round(clock.monotonicMs() - startedAtMs),
      badRows: list.badRows,
      duplicates: list.duplicates,
      firstBadRow: list.firstBadRow,
      comparedWith: lastGood && totalOf(lastGood),
    });
  }

  get #limits(): TaskLimits {
    return { signal: this.#abort.signal, msMax: INSTRUMENT_DUMP_MS_MAX };
  }

  /** Takes the last good list, if there is one. Never rejects: without it there is what there was. */
  async #takeStored(): Promise<void> {
    const { databaseUrl, run, clock, log } = this.#options;
    if (databaseUrl === undefined) return;
    try {
      const stored = await run({ kind: 'read_stored', databaseUrl }, this.#limits);
      if (!stored || this.#abort.signal.aborted) return;
      const registry = new InstrumentRegistry(stored.list.columns);
      const { tradingDate } = stored;
      if (registry.size === 0) return;
      this.#take({ registry, tradingDate, source: 'database', badRows: 0, loadedAtMs: clock.wallMs() });
      log.warn('instruments are the last good copy', { count: registry.size, tradingDate });
    } catch (error) {
      if (!this.#abort.signal.aborted) log.error('no last good copy of the instruments', { error });
    }
  }

  #take(list: Current): void {
    this.#options.onLoaded(list);
    this.#current = list;
    this.#isDoubtful = false;
  }

  #tryAgain(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    const { clock, random, log } = this.#options;
    const range = { minMs: INSTRUMENT_LOAD_BACKOFF_MS_MIN, maxMs: INSTRUMENT_LOAD_BACKOFF_MS_MAX };
    const jitterMs = fullJitterMs(this.#failures++, range, random());
    const delayMs = jitterMs + (error instanceof ThrottledError ? error.retryAfterMs : 0);
    log.error('instruments not loaded', { error, retryInMs: delayMs });
    this.#timer = clock.after(delayMs, () => void this.#load());
  }
}
