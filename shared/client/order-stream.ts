// What becomes of orders, for a client that wants to know: each event once and in order, and what a break has cost is asked for.
import { CLIENT_SDK_ANSWER_MS_MAX, CLIENT_SDK_REFUSED_RETRY_MS } from '../limits.ts';
import type { ErrorMessage, OrderUpdateMessage, SubscribedOrdersMessage } from './message.ts';
import type { CommandFields } from './stream-kind.ts';
import type { Synced } from './sync-loop.ts';

export interface OrderStreamOptions {
  /** Counts the commands of the client, whatever they are about. */
  readonly nextId: () => number;
  readonly onChanged: () => void;
  readonly onOrder: (update: OrderUpdateMessage) => void;
  /** Events are missing that the server does not have any more: what orders are like now has to be read. */
  readonly onOrdersMissed: (missed: { readonly order_seq: number }) => void;
}

/** The server numbers order events without gaps: the next one that is taken is the one behind the last. */
export class OrderStream implements Synced {
  readonly #options: OrderStreamOptions;
  #isWanted = false;
  /** The number of the last event, of whichever connection; undefined before the first answer. */
  #seq: number | undefined;
  /** The server of this connection has said from where on it tells. */
  #isInStep = false;
  #isForbidden = false;
  #request: { readonly id: number; readonly sentAtMs: number } | undefined;
  #retryAtMs = 0;

  constructor(options: OrderStreamOptions) {
    this.#options = options;
  }

  get openRequestsCount(): number {
    return this.#request ? 1 : 0;
  }

  want(): void {
    this.#isWanted = true;
    this.#options.onChanged();
  }

  onUpdate(update: OrderUpdateMessage): void {
    // What comes before the answer comes again behind it.
    if (!this.#isWanted || !this.#isInStep || this.#seq === undefined) return;
    const { order_seq: seq } = update;
    if (seq <= this.#seq) return;
    if (seq === this.#seq + 1) {
      this.#seq = seq;
      this.#options.onOrder(update);
      return;
    }
    this.#isInStep = false;
    this.#options.onChanged();
  }

  onAnswer({ id, order_seq: seq, recovered }: SubscribedOrdersMessage): void {
    if (id === undefined || id !== this.#request?.id) return;
    this.#request = undefined;
    this.#isInStep = true;
    this.#seq = seq;
    if (recovered === false) this.#options.onOrdersMissed({ order_seq: seq });
  }

  /** True when the error is the answer to its request. */
  onError({ id, code }: ErrorMessage, nowMs: number): boolean {
    if (id === undefined || id !== this.#request?.id) return false;
    this.#request = undefined;
    this.#isForbidden = code === 'forbidden';
    this.#retryAtMs = nowMs + CLIENT_SDK_REFUSED_RETRY_MS;
    return true;
  }

  /** The connection is lost: the next one's server is told what the last event was. */
  lose(): void {
    this.#request = undefined;
    this.#isInStep = false;
    this.#isForbidden = false;
    this.#retryAtMs = 0;
  }

  expire(nowMs: number): number {
    if (this.#request && nowMs - this.#request.sentAtMs >= CLIENT_SDK_ANSWER_MS_MAX)
      this.#request = undefined;
    return 0;
  }

  plan(nowMs: number, requestsMax: number): readonly CommandFields[] {
    if (!this.#isDue || nowMs < this.#retryAtMs || requestsMax <= 0) return [];
    const id = this.#options.nextId();
    this.#request = { id, sentAtMs: nowMs };
    const position = this.#seq === undefined ? {} : { after: this.#seq };
    return [{ action: 'subscribe', kind: 'orders', ...position, id }];
  }

  nextDueMs(): number | undefined {
    if (this.#request) return this.#request.sentAtMs + CLIENT_SDK_ANSWER_MS_MAX;
    return this.#isDue ? this.#retryAtMs : undefined;
  }

  get #isDue(): boolean {
    return this.#isWanted && !this.#isInStep && !this.#isForbidden && !this.#request;
  }
}
