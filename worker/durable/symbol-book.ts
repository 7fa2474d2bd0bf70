// Symbols to tokens for one gateway: looked up in the database, remembered for a while, never on a tick's way.
import type { InstrumentToken } from '../../shared/instrument.ts';
import {
  SYMBOLS_PER_QUERY_MAX,
  SYMBOLS_REMEMBERED_MAX,
  SYMBOLS_REMEMBERED_MS,
  SYMBOLS_UNKNOWN_MAX,
  SYMBOLS_UNKNOWN_MS,
} from '../../shared/limits.ts';
import type { RejectedItem } from '../core/protocol.ts';
import { rejection } from '../core/rejection.ts';
import { ShortMemory } from '../core/short-memory.ts';
import type { Env } from '../env.ts';
import { withDatabase } from '../store/db.ts';
import { type SymbolName, tokensOfSymbols } from '../store/instruments.ts';

export interface LookedUp {
  /** By symbol as the client wrote it; those that do not exist are in `rejected`. */
  readonly tokens: ReadonlyMap<string, InstrumentToken>;
  readonly rejected: readonly RejectedItem[];
}

/** Tokens of the symbols that exist; undefined when the database did not answer. */
type Found = ReadonlyMap<string, InstrumentToken> | undefined;

/** A query that has yet to be made: whoever asks until then takes part in it. */
interface Query {
  readonly symbols: Set<string>;
  readonly found: Promise<Found>;
}

function nameOf(symbol: string): SymbolName {
  const colon = symbol.indexOf(':');
  return { exchange: symbol.slice(0, colon), tradingsymbol: symbol.slice(colon + 1) };
}

export class SymbolBook {
  readonly #env: Env;
  readonly #ctx: Pick<ExecutionContext, 'waitUntil'>;
  readonly #tokens = new ShortMemory<InstrumentToken>(SYMBOLS_REMEMBERED_MAX, SYMBOLS_REMEMBERED_MS);
  /** Symbols that did not exist a moment ago. Apart from those that do, so that nonsense does not displace them. */
  readonly #unknown = new ShortMemory<true>(SYMBOLS_UNKNOWN_MAX, SYMBOLS_UNKNOWN_MS);
  #next: Query | undefined;
  /** Ends with the last query; there is one at a time, however many clients ask for whatever. */
  #queries: Promise<Found> = Promise.resolve(undefined);

  constructor(env: Env, ctx: Pick<ExecutionContext, 'waitUntil'>) {
    this.#env = env;
    this.#ctx = ctx;
  }

  /** How many symbols are remembered, those that do not exist included. */
  get size(): number {
    return this.#tokens.size + this.#unknown.size;
  }

  async look(symbols: readonly string[]): Promise<LookedUp> {
    const tokens = new Map<string, InstrumentToken>();
    const missing: string[] = [];
    const unknown: string[] = [];
    const nowMs = Date.now();
    for (const symbol of symbols) {
      const token = this.#tokens.get(symbol, nowMs);
      if (token !== undefined) tokens.set(symbol, token);
      else if (this.#unknown.get(symbol, nowMs)) unknown.push(symbol);
      else missing.push(symbol);
    }
    const found = missing.length > 0 ? await this.#ask(missing) : undefined;
    const rejected = unknown.map((symbol) => rejection('symbol', symbol, 'unknown_instrument'));
    for (const symbol of missing) {
      const token = found?.get(symbol);
      const code = found ? 'unknown_instrument' : 'symbols_unavailable';
      if (token === undefined) rejected.push(rejection('symbol', symbol, code));
      else tokens.set(symbol, token);
    }
    return { tokens, rejected };
  }

  #ask(symbols: readonly string[]): Promise<Found> {
    let query = this.#next;
    if (!query || query.symbols.size + symbols.length > SYMBOLS_PER_QUERY_MAX) {
      const asked = new Set<string>();
      const found = this.#queries.then(() => {
        if (this.#next?.symbols === asked) this.#next = undefined;
        return this.#find([...asked]);
      });
      query = { symbols: asked, found };
      this.#next = query;
      this.#queries = found;
    }
    for (const symbol of symbols) query.symbols.add(symbol);
    return query.found;
  }

  async #find(symbols: readonly string[]): Promise<Found> {
    let found: ReadonlyMap<string, InstrumentToken>;
    try {
      found = await withDatabase(this.#env, this.#ctx, (sql) => tokensOfSymbols(sql, symbols.map(nameOf)));
    } catch (error) {
      console.warn(`symbols were not looked up: ${error}`);
      return undefined;
    }
    const nowMs = Date.now();
    for (const symbol of symbols) {
      const token = found.get(symbol);
      if (token === undefined) this.#unknown.set(symbol, true, nowMs);
      else this.#tokens.set(symbol, token, nowMs);
    }
    return found;
  }
}
