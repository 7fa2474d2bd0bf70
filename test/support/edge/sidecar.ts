// A sidecar for tests inside workerd: signs and posts batches like the real one, and can do it wrongly.
import { env, exports } from 'cloudflare:workers';
import {
  type BatchReply,
  encodeBatch,
  encodeTokenList,
  INGEST_HEADERS,
  signedPrefix,
} from '../../../shared/frame.ts';
import type { InstrumentDefinition } from '../../../shared/instrument.ts';
import { SHARD_COUNT, shardOf } from '../../../shared/shard.ts';
import { joinRecords } from '../records.ts';

export async function sign(path: string, timeMs: number, body: Uint8Array, secret: string): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, [
    'sign',
  ]);
  const prefix = signedPrefix(timeMs, path);
  const signed = new Uint8Array(prefix.length + body.length);
  signed.set(prefix);
  signed.set(body, prefix.length);
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, signed));
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface Post {
  readonly ticks?: readonly Uint32Array[];
  readonly definitions?: readonly InstrumentDefinition[];
  readonly known?: readonly number[];
}

export class TestSidecar {
  readonly epoch: number;
  readonly #seqs = new Map<number, number>();
  readonly #links = new Map<number, { boot: number; demandVersion: number; demand: Map<number, string> }>();
  #timeMs = Date.now() - 5_000;

  constructor(epoch = 1_764_000_000_000) {
    this.epoch = epoch;
  }

  /** The next batch of a shard as bytes. */
  batch(shard: number, { ticks = [], definitions = [], known }: Post): Uint8Array<ArrayBuffer> {
    const seq = (this.#seqs.get(shard) ?? 0) + 1;
    this.#seqs.set(shard, seq);
    const joined = joinRecords(ticks);
    const link = this.#links.get(shard);
    return encodeBatch({
      shard,
      epoch: this.epoch,
      seq,
      boot: link?.boot ?? 0,
      demandVersion: link?.demandVersion ?? 0,
      roundShards: 1,
      ticks: joined,
      tickWords: joined.length,
      tickCount: ticks.length,
      definitions,
      ...(known ? { knownTokens: encodeTokenList([...known].sort((a, b) => a - b)) } : {}),
    });
  }

  nextTime(): number {
    this.#timeMs = Math.max(this.#timeMs + 1, Date.now() - 5_000);
    return this.#timeMs;
  }

  /** Has the next post be signed so much later: the sidecar's clock, as the shard sees it. */
  passTime(ms: number): void {
    this.#timeMs += ms;
  }

  async request(path: string, body: Uint8Array<ArrayBuffer>, timeMs: number, secret = env.INGEST_SECRET) {
    const signature = await sign(path, timeMs, body, secret);
    return new Request(`http://edge${path}`, {
      method: 'POST',
      body,
      headers: { [INGEST_HEADERS.time]: String(timeMs), [INGEST_HEADERS.signature]: signature },
    });
  }

  /** Posts a batch to one shard and follows the reply as the real sidecar does. */
  async post(shard: number, post: Post = {}): Promise<BatchReply> {
    const request = await this.request(`/ingest/batch/${shard}`, this.batch(shard, post), this.nextTime());
    const response = await exports.default.fetch(request);
    if (response.status !== 200) throw new Error(`post refused: ${response.status} ${await response.text()}`);
    const reply = (await response.json()) as BatchReply;
    const link = this.#links.get(shard) ?? { boot: 0, demandVersion: 0, demand: new Map() };
    link.boot = reply.boot;
    if (reply.demand) {
      link.demandVersion = reply.demand.version;
      link.demand = new Map(reply.demand.items);
    }
    this.#links.set(shard, link);
    return reply;
  }

  /** Posts records and definitions to the shards that they belong to, and `known` to all of them, each its part. */
  async send({ ticks = [], definitions = [], known }: Post): Promise<void> {
    for (let shard = 0; shard < SHARD_COUNT; shard++) {
      const post = {
        ticks: ticks.filter((tick) => shardOf(tick[0] as number) === shard),
        definitions: definitions.filter(({ instrument_token }) => shardOf(instrument_token) === shard),
        ...(known ? { known: known.filter((token) => shardOf(token) === shard) } : {}),
      };
      if (known || post.ticks.length + post.definitions.length > 0) await this.post(shard, post);
    }
  }

  demand(shard: number): ReadonlyMap<number, string> {
    return this.#links.get(shard)?.demand ?? new Map();
  }
}
