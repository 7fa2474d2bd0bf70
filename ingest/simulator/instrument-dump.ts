// The instrument dump as bytes, plain and gzipped, made once per exchange: it does not change within a trading date.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { DUMP_COLUMNS } from './core/dump-rows.ts';
import { instrumentCsv } from './core/instrument-csv.ts';
import type { Listing } from './core/instrument-list.ts';

const gzipAsync = promisify(gzip);

export interface DumpBytes {
  readonly plain: Buffer;
  readonly gzipped: Buffer;
}

export class InstrumentDump {
  readonly #listing: Listing;
  /** By exchange, '' for all; bounded by the exchanges that exist. */
  readonly #made = new Map<string, Promise<DumpBytes>>();

  constructor(listing: Listing) {
    this.#listing = listing;
  }

  /** The rows of one exchange, or all. Undefined for an exchange that lists nothing. */
  async bytesOf(exchange: string | undefined): Promise<DumpBytes | undefined> {
    const made = this.#made.get(exchange ?? '');
    if (made !== undefined) return made;
    const instruments =
      exchange === undefined
        ? this.#listing.instruments
        : this.#listing.instruments.filter((instrument) => instrument.exchange === exchange);
    if (instruments.length === 0) return undefined;
    const { rows } = this.#listing;
    const making = makeBytes(rows === undefined ? instrumentCsv(instruments) : csvOfRows(rows, exchange));
    this.#made.set(exchange ?? '', making);
    return making;
  }
}

/** The exchange is the last field of a row. */
function csvOfRows(rows: readonly string[], exchange: string | undefined): string {
  const wanted = exchange === undefined ? rows : rows.filter((row) => row.endsWith(`,${exchange}`));
  return [DUMP_COLUMNS.join(','), ...wanted, ''].join('\r\n');
}

async function makeBytes(csv: string): Promise<DumpBytes> {
  const plain = Buffer.from(csv);
  return { plain, gzipped: await gzipAsync(plain) };
}
