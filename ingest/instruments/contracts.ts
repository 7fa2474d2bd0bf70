// Finds the contracts on an underlying in the columns of a list, and what trades there itself by its symbol.
import type { Contract, ContractType, UnderlyingContracts } from '../core/greeks/contract-book.ts';
import type { InstrumentColumns } from './columns.ts';

const TYPES: readonly string[] = ['CE', 'PE', 'FUT'] satisfies ContractType[];
/** Where indices and shares are listed. */
const SPOT_EXCHANGES = ['NSE', 'BSE'];

/** Made at the first question: few lists are asked none, and a pass over 115,000 rows takes some milliseconds. */
export class ContractIndex {
  readonly #columns: InstrumentColumns;
  readonly #symbolAt: (row: number) => string;
  /** Rows by name; those of the name at `position` in the texts end at `ends[position]`. */
  #byName: { readonly rows: Uint32Array; readonly ends: Uint32Array } | undefined;
  #tokens: Map<string, number> | undefined;

  /** `symbolAt` is the symbol of a row. */
  constructor(columns: InstrumentColumns, symbolAt: (row: number) => string) {
    this.#columns = columns;
    this.#symbolAt = symbolAt;
  }

  /** Those that share exchange and name with the row; undefined when it is no contract. */
  beside(row: number): UnderlyingContracts | undefined {
    const { texts, names, exchanges } = this.#columns;
    const position = names[row] as number;
    const exchange = exchanges[row] as number;
    const own = this.#contractAt(row);
    if (position === 0 || own === undefined) return undefined;
    this.#byName ??= this.#sortByName();
    const { rows, ends } = this.#byName;
    const contracts: Contract[] = [];
    for (let i = position === 0 ? 0 : (ends[position - 1] as number); i < (ends[position] as number); i++) {
      const other = rows[i] as number;
      const contract = exchanges[other] === exchange ? this.#contractAt(other) : undefined;
      if (contract) contracts.push(contract);
    }
    return { exchange: texts[exchange] as string, name: texts[position] as string, contracts };
  }

  tokenOf(exchange: string, tradingsymbol: string): number | undefined {
    this.#tokens ??= this.#readTokens();
    return this.#tokens.get(`${exchange}:${tradingsymbol}`);
  }

  #contractAt(row: number): Contract | undefined {
    const { tokens, texts, types, expiries, strikes, tickSizes } = this.#columns;
    const type = texts[types[row] as number] as string;
    if (expiries[row] === 0 || !TYPES.includes(type)) return undefined;
    return {
      token: tokens[row] as number,
      type: type as ContractType,
      expiry: texts[expiries[row] as number] as string,
      strike: strikes[row] as number,
      tickSize: tickSizes[row] as number,
    };
  }

  #sortByName(): { readonly rows: Uint32Array; readonly ends: Uint32Array } {
    const { names, texts } = this.#columns;
    const ends = new Uint32Array(texts.length);
    for (const position of names) ends[position] = (ends[position] as number) + 1;
    let end = 0;
    for (let position = 0; position < ends.length; position++) {
      const count = ends[position] as number;
      ends[position] = end;
      end += count;
    }
    const rows = new Uint32Array(names.length);
    // Each end starts as its name's first place, and is moved on by each row.
    for (const [row, position] of names.entries()) {
      rows[ends[position] as number] = row;
      ends[position] = (ends[position] as number) + 1;
    }
    return { rows, ends };
  }

  #readTokens(): Map<string, number> {
    const { tokens, texts, exchanges, expiries } = this.#columns;
    const positions = new Set(SPOT_EXCHANGES.map((exchange) => texts.indexOf(exchange)));
    const found = new Map<string, number>();
    for (const [row, position] of exchanges.entries()) {
      if (!positions.has(position) || expiries[row] !== 0) continue;
      found.set(`${texts[position]}:${this.#symbolAt(row)}`, tokens[row] as number);
    }
    return found;
  }
}
