// Loads the instrument list at start, and tries again until it has one.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { INSTRUMENT_LOAD_BACKOFF_MS_MAX, INSTRUMENT_LOAD_BACKOFF_MS_MIN } from '../../shared/limits.ts';
import type { SidecarStatus } from '../../shared/status.ts';
import type { Clock, Timer } from '../clock.ts';
import { fullJitterMs } from '../core/backoff.ts';
import type { Logger } from '../log.ts';
import { InstrumentCsvParser } from './csv.ts';
import { InstrumentRegistry } from './registry.ts';

export interface LoaderOptions {
  /** The dump's bytes in chunks; throws when it cannot be had. */
  readonly fetchDump: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Takes the new list over; if it throws, the list is not good and loading is tried again. */
  readonly onLoaded: (registry: InstrumentRegistry) => void;
}

/** Bytes that are parsed in one go, about 3 ms; a dump that is at hand at once must not hold up ticks. */
const PARSE_BYTES_MAX = 64 * 1024;

export class InstrumentLoader {
  readonly #options: LoaderOptions;
  readonly #abort = new AbortController();
  #status: SidecarStatus['instruments'] = { status: 'loading', count: 0 };
  #failures = 0;
  #retry: Timer | undefined;

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  get status(): SidecarStatus['instruments'] {
    return this.#status;
  }

  start(): void {
    void this.#load();
  }

  stop(): void {
    this.#abort.abort();
    this.#retry?.cancel();
  }

  async #load(): Promise<void> {
    const { clock, random, log, onLoaded } = this.#options;
    const startedAtMs = clock.monotonicMs();
    try {
      const { registry, badRows, firstBadRow } = await this.#read();
      if (this.#abort.signal.aborted) return;
      onLoaded(registry);
      this.#failures = 0;
      this.#status = { status: 'ok', count: registry.size, loaded_at: clock.wallMs() };
      log.info('instruments loaded', {
        count: registry.size,
        ms: Math.round(clock.monotonicMs() - startedAtMs),
        badRows,
        duplicates: registry.duplicates,
        firstBadRow,
      });
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const range = { minMs: INSTRUMENT_LOAD_BACKOFF_MS_MIN, maxMs: INSTRUMENT_LOAD_BACKOFF_MS_MAX };
      const delayMs = fullJitterMs(this.#failures++, range, random());
      this.#status = { ...this.#status, status: 'failed' };
      log.error('instruments not loaded', { error, retryInMs: delayMs });
      this.#retry = clock.after(delayMs, () => void this.#load());
    }
  }

  async #read(): Promise<{ registry: InstrumentRegistry; badRows: number; firstBadRow: string | undefined }> {
    const { fetchDump, clock } = this.#options;
    const registry = new InstrumentRegistry();
    const parser = new InstrumentCsvParser((definition: InstrumentDefinition) => registry.add(definition));
    for await (const chunk of fetchDump(this.#abort.signal)) {
      for (let at = 0; at < chunk.byteLength; at += PARSE_BYTES_MAX) {
        parser.push(chunk.subarray(at, at + PARSE_BYTES_MAX));
        await new Promise<void>((resolve) => clock.soon(resolve));
      }
    }
    parser.end();
    if (registry.size === 0) throw new Error('instrument dump has no usable row');
    return { registry, badRows: parser.badRows, firstBadRow: parser.firstBadRow };
  }
}
