// Reads a saved instrument dump, plain or gzipped.
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { INSTRUMENT_DUMP_BYTES_MAX } from '../../shared/limits.ts';
import { listDump } from './core/dump-listing.ts';
import type { Listing } from './core/instrument-list.ts';

const gunzipAsync = promisify(gunzip);

/** Rejects with an Error that names the file and what is wrong with it. */
export async function readInstrumentFile(path: string, tradingDate: string): Promise<Listing> {
  try {
    const bytes = await readFile(path);
    const isGzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const plain = isGzipped
      ? await gunzipAsync(bytes, { maxOutputLength: INSTRUMENT_DUMP_BYTES_MAX })
      : bytes;
    if (plain.byteLength > INSTRUMENT_DUMP_BYTES_MAX)
      throw new RangeError(`it has ${plain.byteLength} bytes of at most ${INSTRUMENT_DUMP_BYTES_MAX}`);
    return listDump(plain.toString(), tradingDate);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`instruments file ${path}: ${reason}`, { cause: error });
  }
}
