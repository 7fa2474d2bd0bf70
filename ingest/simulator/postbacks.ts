// Postbacks: what became of an order, as a raw JSON POST to the URL of its app (kite.trade/docs/connect/v3/postbacks).
import { createHash } from 'node:crypto';
import { SIMULATOR_POSTBACK_MS_MAX, SIMULATOR_POSTBACKS_AT_ONCE_MAX } from '../../shared/limits.ts';
import type { SimulatedAccount } from './account-sessions.ts';
import { istStamp } from './core/expiry-calendar.ts';
import type { OrderUpdate } from './core/orders/order.ts';
import { updateView } from './core/orders/order-view.ts';

const STATUSES: ReadonlySet<string> = new Set(['COMPLETE', 'CANCELLED', 'REJECTED', 'UPDATE']);

/** Each is sent once: Kite repeats none, whatever is answered. */
export class Postbacks {
  readonly #url: string;
  readonly #answerMsMax: number;
  readonly #accounts: ReadonlyMap<string, SimulatedAccount>;
  readonly #stopped = new AbortController();
  #underWay = 0;

  constructor(
    url: string,
    accounts: readonly SimulatedAccount[],
    answerMsMax: number = SIMULATOR_POSTBACK_MS_MAX,
  ) {
    this.#url = url;
    this.#answerMsMax = answerMsMax;
    this.#accounts = new Map(accounts.map((account) => [account.apiKey, account]));
  }

  /** Only what was placed through the app is told to it. */
  send(update: OrderUpdate): void {
    const account = this.#accounts.get(update.row.appId);
    if (account === undefined || !STATUSES.has(update.status)) return;
    if (this.#underWay >= SIMULATOR_POSTBACKS_AT_ONCE_MAX) return;
    const { orderId, orderedAtMs } = update.row;
    const checksum = createHash('sha256')
      .update(orderId + istStamp(orderedAtMs) + account.apiSecret)
      .digest('hex');
    void this.#post(JSON.stringify(updateView(update, account.userId, checksum)));
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #post(body: string): Promise<void> {
    this.#underWay += 1;
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(this.#answerMsMax)]);
    const headers = { 'content-type': 'application/json' };
    try {
      const response = await fetch(this.#url, { method: 'POST', headers, body, signal, redirect: 'manual' });
      await response.body?.cancel();
    } catch {
      // Nobody is there, or nobody answers: Kite does not care either.
    } finally {
      this.#underWay -= 1;
    }
  }
}
