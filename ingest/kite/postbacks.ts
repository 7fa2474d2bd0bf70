// Postbacks (kite.trade/docs/connect/v3/postbacks): whose secret signed one. It signs the order's id and a time, nothing else.
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { POSTBACK_SECRETS_AGE_MS_MAX } from '../../shared/limits.ts';
import type { Clock } from '../clock.ts';
import { OrderId } from './order-payload.ts';

const Postback = z.object({ order_id: OrderId, order_timestamp: z.string(), checksum: z.string() });

export interface AccountSecret {
  readonly accountId: string;
  readonly apiSecret: string;
}

/** Good for having the order read again: what else the postback says of it may be anybody's words. */
export interface SignedOrder {
  readonly accountId: string;
  readonly orderId: string;
}

export interface PostbacksOptions {
  /** The secrets of all accounts that have one. Rejects when they cannot be had. */
  readonly readSecrets: () => Promise<readonly AccountSecret[]>;
  readonly clock: Clock;
}

function isEqual(checksum: string, expected: string): boolean {
  const [given, wanted] = [Buffer.from(checksum), Buffer.from(expected)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

export class Postbacks {
  readonly #options: PostbacksOptions;
  #reading: { readonly atMs: number; readonly secrets: Promise<readonly AccountSecret[]> } | undefined;

  constructor(options: PostbacksOptions) {
    this.#options = options;
  }

  /** The order that it is about, undefined when no account's secret has signed it. Throws `database_unavailable`. */
  async check(text: string): Promise<SignedOrder | undefined> {
    const parsed = Postback.safeParse(parseJson(text));
    if (!parsed.success) return undefined;
    const { order_id: orderId, order_timestamp: timestamp, checksum } = parsed.data;
    for (const { accountId, apiSecret } of await this.#secrets()) {
      const expected = createHash('sha256').update(`${orderId}${timestamp}${apiSecret}`).digest('hex');
      if (isEqual(checksum, expected)) return { accountId, orderId };
    }
    return undefined;
  }

  async #secrets(): Promise<readonly AccountSecret[]> {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#reading === undefined || nowMs - this.#reading.atMs > POSTBACK_SECRETS_AGE_MS_MAX) {
      this.#reading = { atMs: nowMs, secrets: this.#options.readSecrets() };
    }
    const reading = this.#reading;
    try {
      return await reading.secrets;
    } catch (cause) {
      if (this.#reading === reading) this.#reading = undefined;
      throw new AppError('database_unavailable', 'accounts cannot be read', { cause });
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
