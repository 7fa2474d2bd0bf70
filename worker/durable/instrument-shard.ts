// The shard object: takes the sidecar's batches and pushes what changed to the gateways that asked for it.
import { DurableObject } from 'cloudflare:workers';
import { AppError, type ErrorCode } from '../../shared/errors.ts';
import { type BatchReply, decodeBatch } from '../../shared/frame.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';
import {
  INTEREST_LEASE_MS,
  INTEREST_LEASES_MISSED_MAX,
  SHARD_PUSH_RETRIES_MAX,
  SHARD_PUSH_RETRY_MS,
} from '../../shared/limits.ts';
import { GatewayCosts } from '../core/gateway-costs.ts';
import { digestOf, type InterestDigest, isSameInterest } from '../core/interest-digest.ts';
import { type InterestItem, ShardBook, type Snapshot } from '../core/shard-book.ts';
import type { ShardStats } from '../core/shard-stats.ts';
import type { Env } from '../env.ts';
import { InterestLog } from './interest-log.ts';
import { gatewayStub } from './stubs.ts';

export type IngestResult =
  | { readonly ok: true; readonly reply: BatchReply }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

const EPOCH_KEY = 'epoch';

export class InstrumentShard extends DurableObject<Env> {
  readonly #book: ShardBook;
  readonly #interestLog: InterestLog;
  /** Gateways with a push under way: there is never a second one, what comes meanwhile is merged into the next. */
  readonly #pushing = new Set<string>();
  readonly #costs = new GatewayCosts();
  /** When each gateway was last heard of. One that is not heard of for some leases is gone, with its clients. */
  readonly #heardAtMs = new Map<string, number>();
  #leasesCheckedAtMs = Date.now();
  /** Of the latest sidecar, as stored: an earlier one that was paused must not get in after this object's reset. */
  #epoch: number;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const index = Number(ctx.id.name?.slice('shard:'.length));
    if (!Number.isInteger(index))
      throw new Error(`shard object without an index in its name: ${ctx.id.name}`);
    const boot = crypto.getRandomValues(new Uint32Array(1))[0] || 1;
    this.#epoch = ctx.storage.kv.get<number>(EPOCH_KEY) ?? 0;
    this.#book = new ShardBook(index, boot, this.#epoch);
    this.#interestLog = new InterestLog(ctx.storage.kv);
    for (const [gateway, interests] of this.#interestLog.load()) {
      this.#book.register(gateway, [...interests]);
      this.#heardAtMs.set(gateway, Date.now());
    }
  }

  /** One signed batch of the sidecar. Synchronous up to the pushes, which are never waited for. */
  ingest(bytes: Uint8Array, signedAtMs: number): IngestResult {
    let batch: ReturnType<typeof decodeBatch>;
    try {
      batch = decodeBatch(bytes);
    } catch (error) {
      if (error instanceof AppError) return { ok: false, code: error.code, message: error.message };
      throw error;
    }
    const result = this.#book.apply(batch, signedAtMs, Date.now());
    if (result.kind === 'refused') return { ok: false, code: result.code, message: result.message };
    if (batch.epoch > this.#epoch) {
      this.#epoch = batch.epoch;
      this.ctx.storage.kv.put(EPOCH_KEY, batch.epoch);
    }
    this.#endLeases(Date.now());
    for (const name of this.#book.gatewaysDue()) {
      if (!this.#pushing.has(name)) this.ctx.waitUntil(this.#push(name));
    }
    const flushCostMs = this.#costs.maxMs(this.#book.gateways(), Date.now());
    return { ok: true, reply: { ...result.reply, flushCostMs } };
  }

  /** Adds a gateway's interest in these instruments; the answer holds their current values. */
  register(gateway: string, items: readonly InterestItem[]): Snapshot {
    const snapshot = this.#book.register(gateway, items);
    this.#heardAtMs.set(gateway, Date.now());
    this.#interestLog.append(gateway, items, () => this.#book.interestOf(gateway));
    return snapshot;
  }

  /** Replaces all of a gateway's interest; for a gateway that lost its memory or missed a push. */
  resync(gateway: string, items: readonly InterestItem[]): Snapshot {
    const snapshot = this.#book.resync(gateway, items);
    this.#heardAtMs.set(gateway, Date.now());
    this.#interestLog.replace(gateway, this.#book.interestOf(gateway));
    return snapshot;
  }

  lower(gateway: string, items: readonly InterestItem[]): void {
    const lowered = this.#book.lower(gateway, items);
    this.#heardAtMs.set(gateway, Date.now());
    this.#interestLog.append(gateway, lowered, () => this.#book.interestOf(gateway));
  }

  release(gateway: string, tokens: readonly InstrumentToken[]): void {
    this.#book.release(gateway, tokens);
    this.#heardAtMs.set(gateway, Date.now());
    const change = tokens.map((token): InterestItem => [token, 0]);
    this.#interestLog.append(gateway, change, () => this.#book.interestOf(gateway));
  }

  /**
   * A gateway's proof that it is there and what it wants. False when this memory is another one, or means something
   * else by the gateway's interest: the gateway then resynchronises.
   */
  renew(gateway: string, boot: number, digest: InterestDigest): boolean {
    this.#heardAtMs.set(gateway, Date.now());
    return boot === this.#book.boot && isSameInterest(digestOf(this.#book.interestOf(gateway)), digest);
  }

  /** Forgets the interest of gateways that have not been heard of: nobody is left who would release it. */
  #endLeases(nowMs: number): void {
    if (nowMs - this.#leasesCheckedAtMs < INTEREST_LEASE_MS) return;
    this.#leasesCheckedAtMs = nowMs;
    for (const gateway of this.#book.gateways()) {
      const ageMs = nowMs - (this.#heardAtMs.get(gateway) ?? nowMs);
      if (ageMs > INTEREST_LEASE_MS * INTEREST_LEASES_MISSED_MAX) this.resync(gateway, []);
    }
  }

  stats(): ShardStats {
    return this.#book.stats();
  }

  /** Pushes until the gateway has everything; after failures the next batch (one a second at least) tries again. */
  async #push(name: string): Promise<void> {
    this.#pushing.add(name);
    try {
      let failures = 0;
      for (let push = this.#book.takePush(name); push; push = this.#book.takePush(name)) {
        try {
          this.#costs.pushBegins(name, Date.now());
          this.#costs.pushEnds(name, await gatewayStub(this.env, name).push(push), Date.now());
          failures = 0;
        } catch (error) {
          this.#costs.pushFails(name);
          this.#book.returnPush(name, push);
          if (++failures > SHARD_PUSH_RETRIES_MAX) {
            console.warn(`shard ${this.#book.shard}: push to ${name} failed ${failures} times: ${error}`);
            return;
          }
          await new Promise((resolve) => setTimeout(resolve, SHARD_PUSH_RETRY_MS));
        }
      }
    } finally {
      this.#pushing.delete(name);
    }
  }
}
