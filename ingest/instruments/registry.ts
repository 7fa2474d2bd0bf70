// Today's instruments in memory, out of columns: token -> definition, and each shard's tokens.
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import type { ContractBook, UnderlyingContracts } from '../core/greeks/contract-book.ts';
import { changeBetween, type InstrumentBook, type ListChange } from '../core/instrument-book.ts';
import type { ExchangeRows } from '../core/list-check.ts';
import type { InstrumentColumns } from './columns.ts';
import { ContractIndex } from './contracts.ts';
import { findToken } from './token-index.ts';

/** By code, as `changesSince` writes them. */
const CHANGES: readonly ListChange[] = ['none', 'details', 'instrument'];

/** What has changed since an earlier list, by row: found out in another thread, so that nobody waits for it. */
export interface ListComparison {
  readonly before: InstrumentRegistry;
  readonly changes: Uint8Array;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Made once per list and never changed: whoever holds one has the whole list of one moment. */
export class InstrumentRegistry implements InstrumentBook, ContractBook {
  readonly columns: InstrumentColumns;
  readonly #symbols: Buffer;
  /** Not held: the list of before goes when nobody uses it any more. */
  readonly #before: WeakRef<InstrumentRegistry> | undefined;
  readonly #changes: Uint8Array | undefined;
  readonly #contracts: ContractIndex;

  constructor(columns: InstrumentColumns, comparison?: ListComparison) {
    this.columns = columns;
    this.#symbols = Buffer.from(columns.symbols.buffer);
    this.#before = comparison && new WeakRef(comparison.before);
    this.#changes = comparison?.changes;
    this.#contracts = new ContractIndex(columns, (row) => this.#symbolAt(row));
  }

  get size(): number {
    return this.columns.tokens.length;
  }

  has(token: number): boolean {
    return this.#rowOf(token) >= 0;
  }

  /** A new object each time: a list that is asked for few of its instruments need not be objects. */
  definitionOf(token: number): InstrumentDefinition | undefined {
    const row = this.#rowOf(token);
    return row < 0 ? undefined : this.#definitionAt(row);
  }

  contractsBeside(token: number): UnderlyingContracts | undefined {
    const row = this.#rowOf(token);
    return row < 0 ? undefined : this.#contracts.beside(row);
  }

  tokenOf(exchange: string, tradingsymbol: string): number | undefined {
    return this.#contracts.tokenOf(exchange, tradingsymbol);
  }

  changeSince(other: InstrumentBook, token: number): ListChange {
    if (!(other instanceof InstrumentRegistry))
      return changeBetween(other.definitionOf(token), this.definitionOf(token));
    const row = this.#rowOf(token);
    if (row >= 0 && this.#changes && this.#before?.deref() === other)
      return CHANGES[this.#changes[row] as number] as ListChange;
    return this.#changeOf(row, other, other.#rowOf(token));
  }

  /** A comparison with another list, for all tokens of this one. */
  changesSince(other: InstrumentRegistry): Uint8Array<SharedArrayBuffer> {
    const changes = new Uint8Array(new SharedArrayBuffer(this.size));
    for (const [row, token] of this.columns.tokens.entries()) {
      changes[row] = CHANGES.indexOf(this.#changeOf(row, other, other.#rowOf(token)));
    }
    return changes;
  }

  /** By the columns, as two objects for each of many instruments would cost too much. */
  #changeOf(row: number, other: InstrumentRegistry, before: number): ListChange {
    if (row < 0 || before < 0 || !this.#isSameInstrument(row, other, before)) return 'instrument';
    const [mine, its] = [this.columns, other.columns];
    const isEqual =
      this.#text(mine.segments, row) === other.#text(its.segments, before) &&
      this.#text(mine.types, row) === other.#text(its.types, before) &&
      this.#text(mine.names, row) === other.#text(its.names, before) &&
      mine.strikes[row] === its.strikes[before] &&
      mine.tickSizes[row] === its.tickSizes[before] &&
      mine.lotSizes[row] === its.lotSizes[before];
    return isEqual ? 'none' : 'details';
  }

  /** As `isSameInstrument` says it of definitions. */
  #isSameInstrument(row: number, other: InstrumentRegistry, otherRow: number): boolean {
    const [mine, its] = [this.columns, other.columns];
    if (this.#text(mine.exchanges, row) !== other.#text(its.exchanges, otherRow)) return false;
    if (this.#text(mine.expiries, row) !== other.#text(its.expiries, otherRow)) return false;
    const [start, end] = [other.#symbolStart(otherRow), its.symbolEnds[otherRow]];
    return (
      this.#symbols.compare(other.#symbols, start, end, this.#symbolStart(row), mine.symbolEnds[row]) === 0
    );
  }

  knownTokensOf(shard: number): Uint8Array {
    return this.columns.knownTokens[shard] ?? new Uint8Array(0);
  }

  /** All of them, by token. Each is made when it is asked for. */
  *definitions(): Generator<InstrumentDefinition> {
    for (let row = 0; row < this.size; row++) yield this.#definitionAt(row);
  }

  /** How many instruments each exchange has. */
  get exchangeRows(): ExchangeRows {
    return this.columns.exchangeRows;
  }

  #rowOf(token: number): number {
    return findToken(this.columns.tokenIndex, this.columns.tokens, token);
  }

  #symbolStart(row: number): number {
    return row === 0 ? 0 : (this.columns.symbolEnds[row - 1] as number);
  }

  #symbolAt(row: number): string {
    return this.#symbols.toString('utf8', this.#symbolStart(row), this.columns.symbolEnds[row]);
  }

  #text(column: Uint32Array, row: number): string {
    return this.columns.texts[column[row] as number] as string;
  }

  #definitionAt(row: number): InstrumentDefinition {
    const { tokens, exchanges, segments, types, names, expiries } = this.columns;
    const definition: Writable<InstrumentDefinition> = {
      instrument_token: tokens[row] as InstrumentToken,
      tradingsymbol: this.#symbolAt(row),
      exchange: this.#text(exchanges, row),
      segment: this.#text(segments, row),
      instrument_type: this.#text(types, row),
      tick_size: this.columns.tickSizes[row] as number,
      lot_size: this.columns.lotSizes[row] as number,
    };
    const name = this.#text(names, row);
    const expiry = this.#text(expiries, row);
    const strike = this.columns.strikes[row] as number;
    if (name !== '') definition.name = name;
    if (expiry !== '') definition.expiry = expiry;
    if (strike !== 0) definition.strike = strike;
    return definition;
  }
}
