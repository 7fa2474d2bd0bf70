// Symbols to tokens for one gateway: looked up in the database, remembered for a while, never on a tick's way.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { SYMBOLS_REMEMBERED_MAX, SYMBOLS_REMEMBERED_MS } from '../../shared/limits.ts';
import type { RejectedItem } from '../core/protocol.ts';
import { rejection } from '../core/rejection.ts';
import type { Env } from '../env.ts';
import { withDatabase } from '../store/db.ts';
import { type SymbolName, tokensOfSymbols } from '../store/instruments.ts';

export interface LookedUp {
  /** By symbol as the client wrote it; those that do not exist are in `rejected`. */
  readonly tokens: ReadonlyMap<string, InstrumentToken>;
  readonly rejected: readonly RejectedItem[];
}

interface Remembered {
  readonly token: InstrumentToken;
  readonly untilMs: number;
}

function nameOf(symbol: string): SymbolName {
  const colon = symbol.indexOf(':');
  return { exchange: symbol.slice(0, colon), tradingsymbol: symbol.slice(colon + 1) };
}

export class SymbolBook {
  readonly #env: Env;
  readonly #ctx: Pick<ExecutionContext, 'waitUntil'>;
  /** In the order of remembering: the first to be forgotten is the oldest. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(env: Env, ctx: Pick<ExecutionContext, 'waitUntil'>) {
    this.#env = env;
    this.#ctx = ctx;
  }

  async look(symbols: readonly string[]): Promise<LookedUp> {
    const tokens = new Map<string, InstrumentToken>();
    const missing: string[] = [];
    const nowMs = Date.now();
    for (const symbol of symbols) {
      const known = this.#remembered.get(symbol);
      if (known && known.untilMs > nowMs) tokens.set(symbol, known.token);
      else missing.push(symbol);
    }
    if (missing.length === 0) return { tokens, rejected: [] };
    const found = await this.#ask(missing);
    if (!found) {
      return {
        tokens,
        rejected: missing.map((symbol) => rejection('symbol', symbol, 'symbols_unavailable')),
      };
    }
    const rejected: RejectedItem[] = [];
    for (const symbol of missing) {
      const token = found.get(symbol);
      if (token === undefined) rejected.push(rejection('symbol', symbol, 'unknown_instrument'));
      else {
        tokens.set(symbol, token);
        this.#remember(symbol, { token, untilMs: nowMs + SYMBOLS_REMEMBERED_MS });
      }
    }
    return { tokens, rejected };
  }

  async #ask(symbols: readonly string[]): Promise<Map<string, InstrumentToken> | undefined> {
    try {
      return await withDatabase(this.#env, this.#ctx, (sql) => tokensOfSymbols(sql, symbols.map(nameOf)));
    } catch (error) {
      console.warn(`symbols were not looked up: ${error}`);
      return undefined;
    }
  }

  #remember(symbol: string, remembered: Remembered): void {
    this.#remembered.delete(symbol);
    this.#remembered.set(symbol, remembered);
    const oldest =
      this.#remembered.size > SYMBOLS_REMEMBERED_MAX ? this.#remembered.keys().next().value : undefined;
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}
