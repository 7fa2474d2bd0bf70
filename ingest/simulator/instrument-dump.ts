// The instrument dump as bytes, plain and gzipped, made once per exchange: it does not change within a trading date.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { instrumentCsv } from './core/instrument-csv.ts';
import type { ListedInstrument } from './core/instrument-list.ts';

const gzipAsync = promisify(gzip);

export interface DumpBytes {
  readonly plain: Buffer;
  readonly gzipped: Buffer;
}

export class InstrumentDump {
  readonly #instruments: readonly ListedInstrument[];
  /** By exchange, '' for all; bounded by the exchanges that exist. */
  readonly #made = new Map<string, Promise<DumpBytes>>();

  constructor(instruments: readonly ListedInstrument[]) {
    this.#instruments = instruments;
  }

  /** The rows of one exchange, or all. Undefined for an exchange that lists nothing. */
  async bytesOf(exchange: string | undefined): Promise<DumpBytes | undefined> {
    const made = this.#made.get(exchange ?? '');
    if (made !== undefined) return made;
    const rows =
      exchange === undefined
        ? this.#instruments
        : this.#instruments.filter((instrument) => instrument.exchange === exchange);
    if (rows.length === 0) return undefined;
    const making = makeBytes(rows);
    this.#made.set(exchange ?? '', making);
    return making;
  }
}

async function makeBytes(rows: readonly ListedInstrument[]): Promise<DumpBytes> {
  const plain = Buffer.from(instrumentCsv(rows));
  return { plain, gzipped: await gzipAsync(plain) };
}
