// A gateway's calls to the shards: registering interest, and fetching current values when a link is out of step.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { RESYNC_ATTEMPTS_MAX, RESYNC_BACKOFF_MS_MAX, RESYNC_BACKOFF_MS_MIN } from '../../shared/limits.ts';
import type { Expulsion, GatewayBook, InterestChange } from '../core/gateway-book.ts';
import type { InterestItem } from '../core/interest.ts';
import { digestOf } from '../core/interest-digest.ts';
import type { Env } from '../env.ts';
import { shardStub } from './stubs.ts';

/** Why a token cannot be had from its shard. */
export type ShardRefusal = 'unknown_instrument' | 'shard_unavailable';

type ShardStub = ReturnType<typeof shardStub>;

export class ShardCalls {
  readonly #env: Env;
  readonly #gateway: string;
  readonly #book: GatewayBook;
  readonly #onNews: (expulsions: readonly Expulsion[]) => void;
  /** Resynchronisations under way, by shard: whoever needs one joins it. */
  readonly #resyncing = new Map<number, Promise<boolean>>();
  readonly #stubs = new Map<number, ShardStub>();
  resyncs = 0;

  /** `onNews` is called whenever values have arrived outside a push. */
  constructor(
    env: Env,
    gateway: string,
    book: GatewayBook,
    onNews: (expulsions: readonly Expulsion[]) => void,
  ) {
    this.#env = env;
    this.#gateway = gateway;
    this.#book = book;
    this.#onNews = onNews;
  }

  /**
   * One call of a shard. Calls arrive in the order in which they are made only on one and the same stub, and order
   * matters: a release that overtakes a later registration would silence it. A failure can break a stub for good.
   */
  async #call<T>(shard: number, call: (stub: ShardStub) => Promise<T>): Promise<T> {
    const stub = this.#stubs.get(shard) ?? shardStub(this.#env, shard);
    this.#stubs.set(shard, stub);
    try {
      return await call(stub);
    } catch (error) {
      this.#stubs.delete(shard);
      throw error;
    }
  }

  /**
   * Registers interest with each shard and takes over the values it answers with. Returns the tokens that cannot be
   * had: those that do not exist, and those of a shard that does not answer. One shard's failure is not another's.
   */
  async register(
    contacts: ReadonlyMap<number, readonly InterestItem[]>,
  ): Promise<Map<InstrumentToken, ShardRefusal>> {
    const refusals = new Map<InstrumentToken, ShardRefusal>();
    const calls = [...contacts].map(async ([shard, items]) => {
      const unknown = await this.#registerWith(shard, items);
      if (unknown) for (const token of unknown) refusals.set(token, 'unknown_instrument');
      else for (const [token] of items) refusals.set(token, 'shard_unavailable');
    });
    await Promise.all(calls);
    return refusals;
  }

  /** Unknown tokens among the items, or undefined when the shard does not answer. */
  async #registerWith(
    shard: number,
    items: readonly InterestItem[],
  ): Promise<readonly InstrumentToken[] | undefined> {
    const link = this.#book.links[shard];
    if (!link) return undefined;
    try {
      for (let attempt = 0; attempt <= RESYNC_ATTEMPTS_MAX; attempt++) {
        if (!link.isSynced && !(await this.resync(shard))) return undefined;
        const { syncs } = link;
        const wanted = this.#book.asWanted(items);
        const snapshot = await this.#call(shard, (stub) => stub.register(this.#gateway, wanted));
        if (link.onAnswer(syncs, snapshot.boot)) {
          this.#onNews(this.#book.applySnapshot(wanted, snapshot));
          return snapshot.unknown;
        }
      }
    } catch (error) {
      console.warn(`gateway ${this.#gateway}: shard ${shard} did not answer a registration: ${error}`);
      link.reset();
    }
    return undefined;
  }

  /** Tells the shards what is wanted less or no longer. A failure puts the link out of step, and a resync mends it. */
  async tell(changes: readonly InterestChange[]): Promise<void> {
    const calls = changes.map(async ({ shard, lower, release }) => {
      try {
        await this.#call(shard, async (stub) => {
          // Both start before either is waited for: what is called later on this stub arrives after both.
          const released = release.length > 0 ? stub.release(this.#gateway, release) : undefined;
          const lowered = lower.length > 0 ? stub.lower(this.#gateway, lower) : undefined;
          await Promise.all([released, lowered]);
        });
      } catch (error) {
        console.warn(`gateway ${this.#gateway}: shard ${shard} did not hear a release: ${error}`);
        this.#book.links[shard]?.reset();
      }
    });
    await Promise.all(calls);
  }

  /** Proves this gateway's interest to every shard that it has some in; whoever disagrees is resynchronised with. */
  async renewAll(): Promise<void> {
    await Promise.all(this.#book.links.map((_, shard) => this.#renew(shard)));
  }

  async #renew(shard: number): Promise<void> {
    const link = this.#book.links[shard];
    const items = this.#book.interestOf(shard);
    if (!link || items.length === 0 || link.isSyncing) return;
    const { boot } = link;
    try {
      const proof = digestOf(items);
      if (link.isSynced && (await this.#call(shard, (stub) => stub.renew(this.#gateway, boot, proof))))
        return;
    } catch (error) {
      console.warn(`gateway ${this.#gateway}: shard ${shard} did not hear a renewal: ${error}`);
    }
    link.reset();
    await this.resync(shard);
  }

  /** Fetches the current values of all that is wanted of the shard. False when it does not answer after some tries. */
  resync(shard: number): Promise<boolean> {
    const underWay = this.#resyncing.get(shard);
    if (underWay) return underWay;
    const call = this.#resync(shard).finally(() => this.#resyncing.delete(shard));
    this.#resyncing.set(shard, call);
    return call;
  }

  async #resync(shard: number): Promise<boolean> {
    const link = this.#book.links[shard];
    if (!link) return false;
    let backoffMs = RESYNC_BACKOFF_MS_MIN;
    for (let attempt = 0; attempt < RESYNC_ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) {
        await new Promise((resolve) => setTimeout(resolve, backoffMs));
        backoffMs = Math.min(backoffMs * 2, RESYNC_BACKOFF_MS_MAX);
      }
      link.beginSync();
      this.resyncs++;
      const items = this.#book.interestOf(shard);
      try {
        const snapshot = await this.#call(shard, (stub) => stub.resync(this.#gateway, items));
        const expulsions = this.#book.applyResync(shard, items, snapshot);
        const later = link.finishSync(snapshot);
        for (const push of later ?? []) expulsions.push(...this.#book.applyPush(push));
        this.#onNews(expulsions);
        if (later) return true;
      } catch (error) {
        console.warn(`gateway ${this.#gateway}: shard ${shard} did not answer: ${error}`);
        link.reset();
      }
    }
    return false;
  }
}
