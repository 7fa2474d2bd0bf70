// An edge of real shards without objects around them: takes posts, fences by epoch, and remembers who posted what when.
import { decodeBatch } from '../../shared/frame.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';
import { SHARD_COUNT, shardOf } from '../../shared/shard.ts';
import type { SidecarStatus } from '../../shared/status.ts';
import { interestIn } from '../../worker/core/interest.ts';
import { ShardBook } from '../../worker/core/shard-book.ts';
import { FakeEdge, type PostAnswer, type ReceivedPost } from '../ingest/support/fake-edge.ts';

export interface NotedPost {
  readonly path: string;
  readonly epoch: number;
  readonly atMs: number;
  readonly ticks: number;
  readonly isTaken: boolean;
}

export class ShardEdge {
  readonly url: string;
  readonly posts: NotedPost[] = [];
  readonly #edge: FakeEdge;
  readonly #shards = Array.from({ length: SHARD_COUNT }, (_, shard) => new ShardBook(shard, 1 + shard));
  #statusEpoch = 0;

  private constructor(edge: FakeEdge) {
    this.#edge = edge;
    this.url = edge.url;
    edge.answer = (post) => this.#answer(post);
  }

  static async start(secret: string): Promise<ShardEdge> {
    return new ShardEdge(await FakeEdge.start(secret));
  }

  /** Clients want these from now on. */
  want(tokens: readonly number[]): void {
    for (const [shard, book] of this.#shards.entries()) {
      const items = tokens.filter((token) => shardOf(token) === shard);
      book.register(
        'gateway',
        items.map((token) => [token as InstrumentToken, interestIn(3)] as const),
      );
    }
  }

  /** Posts of an epoch that came when one of a later epoch had been here already. */
  get stragglers(): NotedPost[] {
    let latest = 0;
    return this.posts.filter(({ epoch }) => {
      latest = Math.max(latest, epoch);
      return epoch < latest;
    });
  }

  /** Posts that were taken where one of a later epoch had been taken before: must never be. */
  get interleaved(): NotedPost[] {
    const latest = new Map<string, number>();
    return this.posts.filter(({ path, epoch, isTaken }) => {
      const before = latest.get(path) ?? 0;
      if (isTaken) latest.set(path, Math.max(before, epoch));
      return isTaken && epoch < before;
    });
  }

  /** Epochs in the order in which they came. */
  get epochs(): number[] {
    return [...new Set(this.posts.map(({ epoch }) => epoch))];
  }

  /** Ticks taken since that time, and the epochs that they came under. */
  ticksSince(sinceMs: number): { count: number; epochs: number[] } {
    const posts = this.posts.filter(({ atMs, isTaken, ticks }) => atMs >= sinceMs && isTaken && ticks > 0);
    const count = posts.reduce((sum, { ticks }) => sum + ticks, 0);
    return { count, epochs: [...new Set(posts.map(({ epoch }) => epoch))] };
  }

  stop(): Promise<void> {
    return this.#edge.stop();
  }

  #answer({ path, body, timeMs }: ReceivedPost): PostAnswer {
    const atMs = Date.now();
    if (path === '/ingest/status') {
      const { epoch } = JSON.parse(String(body)) as SidecarStatus;
      const isTaken = epoch >= this.#statusEpoch;
      if (isTaken) this.#statusEpoch = epoch;
      this.posts.push({ path, epoch, atMs, ticks: 0, isTaken });
      return isTaken ? [200, { taken: true }] : [409, { code: 'ingest_superseded' }];
    }
    const batch = decodeBatch(body);
    const result = this.#shards[batch.shard]?.apply(batch, timeMs, atMs);
    if (!result) return [404, {}];
    const isTaken = result.kind !== 'refused';
    this.posts.push({ path, epoch: batch.epoch, atMs, ticks: batch.tickCount, isTaken });
    return isTaken
      ? [200, result.reply]
      : [result.code === 'ingest_superseded' ? 409 : 401, { code: result.code }];
  }
}
