// Questions to the server about what it streams here: each is answered by a view that is newer than the question.
import { CLIENT_SDK_ANSWER_MS_MAX } from '../limits.ts';
import { type Deferred, deferred } from './deferred.ts';
import { ClientEndedError, type FinalState } from './events.ts';
import type { SubscriptionsMessage } from './message.ts';
import type { CommandFields } from './stream-kind.ts';
import type { Synced } from './sync-loop.ts';

interface OpenRequest {
  readonly waiting: readonly Deferred<SubscriptionsMessage>[];
  readonly sentAtMs: number;
}

export interface ListRequestsOptions {
  /** Counts the commands of the client, whatever they are about. */
  readonly nextId: () => number;
  readonly onChanged: () => void;
}

export class ListRequests implements Synced {
  readonly #options: ListRequestsOptions;
  /** What the application has asked since the last request: one promise, however often. */
  #next: Deferred<SubscriptionsMessage> | undefined;
  /** Those of requests that were never answered. */
  #again: Deferred<SubscriptionsMessage>[] = [];
  /** By id. */
  readonly #open = new Map<number, OpenRequest>();

  constructor(options: ListRequestsOptions) {
    this.#options = options;
  }

  get openRequestsCount(): number {
    return this.#open.size;
  }

  ask(): Promise<SubscriptionsMessage> {
    this.#next ??= deferred();
    this.#options.onChanged();
    return this.#next.promise;
  }

  onAnswer(list: SubscriptionsMessage): void {
    const request = list.id === undefined ? undefined : this.#open.get(list.id);
    if (list.id === undefined || !request) return;
    this.#open.delete(list.id);
    for (const { resolve } of request.waiting) resolve(list);
  }

  /** The connection is lost: the next one's server is asked. */
  lose(): void {
    for (const [id, request] of this.#open) this.#giveUp(id, request);
  }

  end(state: FinalState): void {
    this.lose();
    for (const { reject } of this.#takeWaiting()) reject(new ClientEndedError(state));
  }

  expire(nowMs: number): number {
    for (const [id, request] of this.#open) {
      if (nowMs - request.sentAtMs >= CLIENT_SDK_ANSWER_MS_MAX) this.#giveUp(id, request);
    }
    return 0;
  }

  plan(nowMs: number, requestsMax: number): readonly CommandFields[] {
    const isAsked = this.#next !== undefined || this.#again.length > 0;
    if (!isAsked || requestsMax <= 0) return [];
    const id = this.#options.nextId();
    this.#open.set(id, { waiting: this.#takeWaiting(), sentAtMs: nowMs });
    return [{ action: 'list', id }];
  }

  nextDueMs(): number | undefined {
    const [oldest] = this.#open.values();
    return oldest && oldest.sentAtMs + CLIENT_SDK_ANSWER_MS_MAX;
  }

  #takeWaiting(): Deferred<SubscriptionsMessage>[] {
    const waiting = this.#next ? [...this.#again, this.#next] : this.#again;
    this.#again = [];
    this.#next = undefined;
    return waiting;
  }

  #giveUp(id: number, { waiting }: OpenRequest): void {
    this.#open.delete(id);
    this.#again.push(...waiting);
  }
}
