// Contracts of chains for one gateway: looked up in the database, remembered for a while, never on a tick's way.
import { AppError } from '../../shared/errors.ts';
import {
  CHAIN_LISTS_REMEMBERED_MAX,
  CHAIN_LISTS_REMEMBERED_MS,
  CHAIN_LISTS_UNKNOWN_MAX,
  CHAIN_LISTS_UNKNOWN_MS,
} from '../../shared/limits.ts';
import { type ChainContracts, type ChainName, chainKey, contractsOf } from '../core/chain-contracts.ts';
import { type ChainRefusal, unknownChain } from '../core/chain-refusal.ts';
import { ShortMemory } from '../core/short-memory.ts';
import type { Env } from '../env.ts';
import { findChain, listExpiries } from '../store/chains.ts';
import { withDatabase } from '../store/db.ts';

export type FoundChain =
  | { readonly contracts: ChainContracts; readonly refusal?: undefined }
  | { readonly contracts?: undefined; readonly refusal: ChainRefusal };

export class ChainLists {
  readonly #env: Env;
  readonly #ctx: Pick<ExecutionContext, 'waitUntil'>;
  readonly #known = new ShortMemory<FoundChain>(CHAIN_LISTS_REMEMBERED_MAX, CHAIN_LISTS_REMEMBERED_MS);
  /** Apart from those that exist, so that nonsense does not displace them. */
  readonly #unknown = new ShortMemory<FoundChain>(CHAIN_LISTS_UNKNOWN_MAX, CHAIN_LISTS_UNKNOWN_MS);
  /** By key, look-ups that have no answer yet: whoever asks takes part. */
  readonly #open = new Map<string, Promise<FoundChain>>();
  /** Ends with the last query; there is one at a time, however many clients ask for whatever. */
  #queries: Promise<unknown> = Promise.resolve();

  constructor(env: Env, ctx: Pick<ExecutionContext, 'waitUntil'>) {
    this.#env = env;
    this.#ctx = ctx;
  }

  /** How many chains are remembered, those that do not exist included. */
  get size(): number {
    return this.#known.size + this.#unknown.size;
  }

  /** Never rejects: a database that does not answer is a refusal. */
  async look(name: ChainName): Promise<FoundChain> {
    const key = chainKey(name);
    const nowMs = Date.now();
    const remembered = this.#known.get(key, nowMs) ?? this.#unknown.get(key, nowMs) ?? this.#open.get(key);
    if (remembered) return remembered;
    const found = this.#queries.then(() => this.#find(name)).finally(() => this.#open.delete(key));
    this.#queries = found;
    this.#open.set(key, found);
    return found;
  }

  async #find(name: ChainName): Promise<FoundChain> {
    try {
      const found = await withDatabase(this.#env, this.#ctx, async (sql): Promise<FoundChain> => {
        const members = await findChain(sql, name);
        if (members.length > 0) return { contracts: contractsOf(members) };
        const expiries = await listExpiries(sql, name);
        return {
          refusal: unknownChain(
            name,
            expiries.map(({ expiry }) => expiry),
          ),
        };
      });
      const memory = found.contracts ? this.#known : this.#unknown;
      memory.set(chainKey(name), found, Date.now());
      return found;
    } catch (error) {
      if (error instanceof AppError) return { refusal: { code: error.code, message: error.message } };
      console.error(`the chain ${chainKey(name)} was not looked up: ${error}`);
      return { refusal: { code: 'internal', message: 'the chain was not looked up, try again' } };
    }
  }
}
