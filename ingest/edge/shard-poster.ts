// Brings batches to one shard: one at a time, the same bytes again after a failure, given up when that does not help.
import type { BatchReply } from '../../shared/frame.ts';
import {
  INGEST_BACKOFF_MS_MAX,
  INGEST_BACKOFF_MS_MIN,
  INGEST_POST_RETRIES_MAX,
} from '../../shared/limits.ts';
import type { Clock, Timer } from '../clock.ts';
import { fullJitterMs } from '../core/backoff.ts';
import type { TakenBatch } from '../core/batcher.ts';
import { errorText, type Logger, quote } from '../log.ts';
import { parseBatchReply } from './batch-reply.ts';
import { type Post, type PostReply, SigningTimes } from './signed-post.ts';

const FAILURES_PER_LOG_LINE = 100;

export interface PosterCounters {
  batchesPosted: number;
  /** Posts of bytes that had been posted before. */
  batchesRetried: number;
  batchesFailed: number;
}

export interface ShardPosterOptions {
  readonly shard: number;
  readonly post: Post;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Shared by all posters of the sidecar. */
  readonly counters: PosterCounters;
  /** `postMs` is the time that the post took. */
  readonly onReply: (reply: BatchReply, postMs: number) => void;
  readonly onGiveUp: () => void;
  /** The poster ceased to be busy. */
  readonly onIdle: () => void;
  /** A later sidecar is active: this one must not post any more. */
  readonly onSuperseded: (reason: string) => void;
}

/** What came of one post. `failed` may or may not have arrived; `refused` arrived, and never will be taken. */
type Outcome =
  | { readonly kind: 'taken'; readonly reply: BatchReply; readonly postMs: number }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'superseded'; readonly reason: string };

export class ShardPoster {
  readonly #options: ShardPosterOptions;
  readonly #path: string;
  readonly #times: SigningTimes;
  #isBusy = false;
  #isStopped = false;
  /** Failed posts since the last one that was taken. */
  #failures = 0;
  #timer: Timer | undefined;

  constructor(options: ShardPosterOptions) {
    this.#options = options;
    this.#path = `/ingest/batch/${options.shard}`;
    this.#times = new SigningTimes(options.clock);
  }

  /** A batch is under way, or the pause after a failure is. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Takes a batch; only while not busy. It ends in `onReply` or `onGiveUp`, and then `onIdle`. */
  send(batch: TakenBatch): void {
    if (this.#isBusy) throw new Error(`shard ${this.#options.shard}: a batch is under way`);
    this.#isBusy = true;
    void this.#attempt(batch, 0);
  }

  /** Nothing is sent and nothing is called any more. */
  stop(): void {
    this.#isStopped = true;
    this.#isBusy = true;
    this.#timer?.cancel();
  }

  async #attempt(batch: TakenBatch, retries: number): Promise<void> {
    const outcome = await this.#post(batch);
    if (this.#isStopped) return;
    switch (outcome.kind) {
      case 'taken':
        this.#onTaken(outcome.reply, outcome.postMs);
        return;
      case 'superseded':
        this.stop();
        this.#options.onSuperseded(outcome.reason);
        return;
      case 'refused':
        this.#onFailure(batch, INGEST_POST_RETRIES_MAX, outcome.reason);
        return;
      case 'failed':
        this.#onFailure(batch, retries, outcome.reason);
    }
  }

  #onTaken(reply: BatchReply, postMs: number): void {
    const { shard, log, counters, onReply, onIdle } = this.#options;
    if (this.#failures > 0) log.info('edge takes batches again', { shard, failures: this.#failures });
    this.#failures = 0;
    counters.batchesPosted++;
    this.#isBusy = false;
    onReply(reply, postMs);
    onIdle();
  }

  #onFailure(batch: TakenBatch, retries: number, reason: string): void {
    const { shard, clock, random, log, counters, onGiveUp, onIdle } = this.#options;
    const range = { minMs: INGEST_BACKOFF_MS_MIN, maxMs: INGEST_BACKOFF_MS_MAX };
    // Half of the wait is certain: a server that is down must not be asked in a tight loop by luck.
    const certainMs = fullJitterMs(this.#failures, range, 0.5);
    const delayMs = certainMs + Math.floor(certainMs * random());
    this.#failures++;
    // Not each of them: an edge that is away for hours must not fill the disk.
    if (this.#failures % FAILURES_PER_LOG_LINE === 1) {
      log.warn('edge does not take batches', { shard, failures: this.#failures, reason, retryInMs: delayMs });
    }
    if (retries < INGEST_POST_RETRIES_MAX) {
      this.#timer = clock.after(delayMs, () => {
        counters.batchesRetried++;
        void this.#attempt(batch, retries + 1);
      });
      return;
    }
    counters.batchesFailed++;
    onGiveUp();
    this.#timer = clock.after(delayMs, () => {
      this.#isBusy = false;
      onIdle();
    });
  }

  async #post(batch: TakenBatch): Promise<Outcome> {
    const { clock } = this.#options;
    const fromMs = clock.monotonicMs();
    let reply: PostReply;
    try {
      const timeMs = this.#times.next();
      reply = await this.#options.post(this.#path, 'application/octet-stream', batch.bytes, timeMs);
    } catch (error) {
      return { kind: 'failed', reason: errorText(error) };
    }
    const { httpStatus, text } = reply;
    if (httpStatus === 200) return takenOf(text, batch, clock.monotonicMs() - fromMs);
    const reason = `status ${httpStatus}: ${quote(text)}`;
    if (httpStatus === 409) return { kind: 'superseded', reason };
    // 401 is a wrong clock or secret: somebody may put it right. Other 4xx say that these bytes will never be taken.
    const isFinal = httpStatus >= 400 && httpStatus < 500 && ![401, 408, 429].includes(httpStatus);
    return { kind: isFinal ? 'refused' : 'failed', reason };
  }
}

function takenOf(text: string, batch: TakenBatch, postMs: number): Outcome {
  let reply: BatchReply;
  try {
    reply = parseBatchReply(text);
  } catch (error) {
    return { kind: 'failed', reason: errorText(error) };
  }
  if (reply.epoch !== batch.epoch || reply.seq !== batch.seq) {
    const reason = `reply to batch ${reply.epoch}/${reply.seq}, sent ${batch.epoch}/${batch.seq}`;
    return { kind: 'failed', reason };
  }
  return { kind: 'taken', reply, postMs };
}
