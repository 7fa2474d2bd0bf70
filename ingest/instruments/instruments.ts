// The sidecar's instrument list: read from Kite, kept in the database, and read from there when Kite has none.
import type { InstrumentsStatus } from '../../shared/status.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { InstrumentLoader } from './loader.ts';
import type { InstrumentRegistry } from './registry.ts';
import { runTask } from './thread.ts';
import { InstrumentWriter } from './writer.ts';

export interface InstrumentsOptions {
  readonly apiRoot: string;
  /** Without it there is no last good copy but the one in memory. */
  readonly databaseUrl: string | undefined;
  /** False: a list is taken even when it lacks most of the last one. */
  readonly mustBeWhole: boolean;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Takes a new list over; throws when it cannot be used. */
  readonly onList: (list: InstrumentRegistry) => void;
}

export class Instruments {
  readonly #loader: InstrumentLoader;
  readonly #writer: InstrumentWriter | undefined;

  constructor(options: InstrumentsOptions) {
    const { databaseUrl, onList } = options;
    if (databaseUrl !== undefined) {
      const onRefused = () => this.#loader.doubt();
      this.#writer = new InstrumentWriter({ ...options, databaseUrl, run: runTask, onRefused });
    }
    this.#loader = new InstrumentLoader({
      ...options,
      run: runTask,
      onLoaded: ({ registry, tradingDate, source }) => {
        onList(registry);
        if (source === 'kite') this.#writer?.write(registry, tradingDate);
      },
    });
  }

  get status(): InstrumentsStatus {
    const { status } = this.#loader;
    if (!this.#writer || status.source === undefined) return status;
    return { ...status, stored: status.source === 'database' || this.#writer.isStored };
  }

  start(): void {
    this.#loader.start();
  }

  stop(): void {
    this.#loader.stop();
    this.#writer?.stop();
  }
}
