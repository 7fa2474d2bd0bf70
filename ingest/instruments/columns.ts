// The instrument list as columns: a tenth of the memory of as many objects, and shared with other threads as it is.
import { encodeTokenList } from '../../shared/frame.ts';
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { INSTRUMENT_DUMP_ROWS_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT, shardOf } from '../../shared/shard.ts';
import type { ExchangeRows } from '../core/list-check.ts';
import { indexTokens } from './token-index.ts';

/** One entry per instrument in each column, in the order of the tokens. Zero and '' stand for what is not there. */
export interface InstrumentColumns {
  /** Ascending. */
  readonly tokens: Uint32Array<SharedArrayBuffer>;
  /** See token-index.ts. */
  readonly tokenIndex: Uint32Array<SharedArrayBuffer>;
  /** UTF-8 of all symbols, back to back; where each ends is in `symbolEnds`. */
  readonly symbols: Uint8Array<SharedArrayBuffer>;
  readonly symbolEnds: Uint32Array<SharedArrayBuffer>;
  /** Texts that rows share. The next five columns are positions in it. */
  readonly texts: readonly string[];
  readonly exchanges: Uint32Array<SharedArrayBuffer>;
  readonly segments: Uint32Array<SharedArrayBuffer>;
  readonly types: Uint32Array<SharedArrayBuffer>;
  readonly names: Uint32Array<SharedArrayBuffer>;
  readonly expiries: Uint32Array<SharedArrayBuffer>;
  readonly strikes: Float64Array<SharedArrayBuffer>;
  readonly tickSizes: Float64Array<SharedArrayBuffer>;
  readonly lotSizes: Uint32Array<SharedArrayBuffer>;
  readonly exchangeRows: ExchangeRows;
  /** By shard: its tokens as `encodeTokenList` writes them. */
  readonly knownTokens: readonly Uint8Array<SharedArrayBuffer>[];
}

/** More than INSTRUMENT_DUMP_ROWS_MAX: a token and a row are one number, which sorts by token and then by row. */
const ROWS_SCALE = 2 ** 19;

const ROW_COLUMNS_AT_START = 16_384;
const SYMBOL_BYTES_AT_START = 16 * ROW_COLUMNS_AT_START;

/** Rows as they come, in any order. */
export class InstrumentColumnsBuilder {
  readonly #positions = new Map<string, number>([['', 0]]);
  #capacity = ROW_COLUMNS_AT_START;
  #size = 0;
  #tokens = new Uint32Array(this.#capacity);
  #symbols = Buffer.alloc(SYMBOL_BYTES_AT_START);
  #symbolEnds = new Uint32Array(this.#capacity);
  /** Five positions per row: exchange, segment, type, name, expiry. */
  #shared = new Uint32Array(this.#capacity * 5);
  /** Three amounts per row: strike, tick size, lot size. */
  #amounts = new Float64Array(this.#capacity * 3);
  /** Rows for a token that was there already; the first one counts. Known after `build`. */
  duplicates = 0;

  /** Throws a RangeError over INSTRUMENT_DUMP_ROWS_MAX rows. */
  add(definition: InstrumentDefinition): void {
    const row = this.#size;
    if (row >= INSTRUMENT_DUMP_ROWS_MAX)
      throw new RangeError(`instrument list has more than ${INSTRUMENT_DUMP_ROWS_MAX} rows`);
    if (row === this.#capacity) this.#growRows();
    const { tradingsymbol, exchange, segment, instrument_type: type, name, expiry } = definition;
    this.#tokens[row] = definition.instrument_token;
    this.#symbolEnds[row] = this.#addSymbol(tradingsymbol, row === 0 ? 0 : (this.#symbolEnds[row - 1] ?? 0));
    const texts = [exchange, segment, type, name ?? '', expiry ?? ''];
    for (const [i, text] of texts.entries()) this.#shared[row * 5 + i] = this.#positionOf(text);
    this.#amounts[row * 3] = definition.strike ?? 0;
    this.#amounts[row * 3 + 1] = definition.tick_size;
    this.#amounts[row * 3 + 2] = definition.lot_size;
    this.#size++;
  }

  #addSymbol(symbol: string, at: number): number {
    // Three bytes of UTF-8 for each UTF-16 unit at most.
    if (at + symbol.length * 3 > this.#symbols.length) {
      const grown = Buffer.alloc(this.#symbols.length * 2);
      grown.set(this.#symbols);
      this.#symbols = grown;
    }
    return at + this.#symbols.write(symbol, at);
  }

  #positionOf(text: string): number {
    const known = this.#positions.get(text);
    if (known !== undefined) return known;
    const position = this.#positions.size;
    this.#positions.set(text, position);
    return position;
  }

  #growRows(): void {
    this.#capacity *= 2;
    const grown = <T extends Uint32Array | Float64Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.#tokens = grown(new Uint32Array(this.#capacity), this.#tokens);
    this.#symbolEnds = grown(new Uint32Array(this.#capacity), this.#symbolEnds);
    this.#shared = grown(new Uint32Array(this.#capacity * 5), this.#shared);
    this.#amounts = grown(new Float64Array(this.#capacity * 3), this.#amounts);
  }

  /** Rows by token, the first of each. */
  #order(): Uint32Array {
    const keys = new Float64Array(this.#size);
    for (let row = 0; row < this.#size; row++) keys[row] = (this.#tokens[row] as number) * ROWS_SCALE + row;
    keys.sort();
    const rows = new Uint32Array(this.#size);
    let kept = 0;
    let previous = 0;
    for (const key of keys) {
      const token = Math.floor(key / ROWS_SCALE);
      if (token !== previous) rows[kept++] = key % ROWS_SCALE;
      previous = token;
    }
    this.duplicates = this.#size - kept;
    return rows.subarray(0, kept);
  }

  build(): InstrumentColumns {
    const rows = this.#order();
    const texts = [...this.#positions.keys()];
    const tokens = uint32Column(rows, (row) => this.#tokens[row]);
    const shared = (i: number) => uint32Column(rows, (row) => this.#shared[row * 5 + i]);
    const exchanges = shared(0);
    return {
      tokens,
      tokenIndex: indexTokens(tokens),
      ...this.#symbolColumns(rows),
      texts,
      exchanges,
      segments: shared(1),
      types: shared(2),
      names: shared(3),
      expiries: shared(4),
      strikes: float64Column(rows, (row) => this.#amounts[row * 3]),
      tickSizes: float64Column(rows, (row) => this.#amounts[row * 3 + 1]),
      lotSizes: uint32Column(rows, (row) => this.#amounts[row * 3 + 2]),
      exchangeRows: countTexts(exchanges, texts),
      knownTokens: knownTokensByShard(tokens),
    };
  }

  #symbolColumns(rows: Uint32Array): Pick<InstrumentColumns, 'symbols' | 'symbolEnds'> {
    const startOf = (row: number) => (row === 0 ? 0 : (this.#symbolEnds[row - 1] as number));
    let end = 0;
    const symbolEnds = uint32Column(rows, (row) => (end += (this.#symbolEnds[row] as number) - startOf(row)));
    const symbols = new Uint8Array(new SharedArrayBuffer(end));
    for (const [i, row] of rows.entries()) {
      const symbol = this.#symbols.subarray(startOf(row), this.#symbolEnds[row]);
      symbols.set(symbol, (symbolEnds[i] as number) - symbol.length);
    }
    return { symbols, symbolEnds };
  }
}

type Cell = (row: number) => number | undefined;

function uint32Column(rows: Uint32Array, cell: Cell): Uint32Array<SharedArrayBuffer> {
  const column = new Uint32Array(new SharedArrayBuffer(rows.length * 4));
  for (const [i, row] of rows.entries()) column[i] = cell(row) as number;
  return column;
}

function float64Column(rows: Uint32Array, cell: Cell): Float64Array<SharedArrayBuffer> {
  const column = new Float64Array(new SharedArrayBuffer(rows.length * 8));
  for (const [i, row] of rows.entries()) column[i] = cell(row) as number;
  return column;
}

function knownTokensByShard(tokens: Uint32Array): Uint8Array<SharedArrayBuffer>[] {
  const shards: number[][] = Array.from({ length: SHARD_COUNT }, () => []);
  for (const token of tokens) shards[shardOf(token)]?.push(token);
  return shards.map((list) => {
    const encoded = encodeTokenList(list);
    const shared = new Uint8Array(new SharedArrayBuffer(encoded.length));
    shared.set(encoded);
    return shared;
  });
}

function countTexts(column: Uint32Array, texts: readonly string[]): ExchangeRows {
  const counts = new Map<string, number>();
  for (const position of column) {
    const text = texts[position] as string;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}
