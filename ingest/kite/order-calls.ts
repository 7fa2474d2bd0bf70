// Orders at Kite: each write leaves once or not at all, and what came back is a class of outcome, never an exception.
import { z } from 'zod';
import { ORDER_SEND_WAIT_MS_MAX } from '../../shared/limits.ts';
import type { CancelRequest, ModifyRequest, PlaceRequest } from '../../shared/order.ts';
import type { KiteOrder, UnreadOrder } from '../core/orders/kite-order.ts';
import type { WriteOutcome, WriteReply } from '../core/orders/outcome.ts';
import { classifyWrite } from '../core/orders/outcome-class.ts';
import { errorText } from '../log.ts';
import type { BookAnswer, KiteOrders, OrderAccount } from '../orders/ports.ts';
import { OrderId, readKiteOrder, readUnreadOrder } from './order-payload.ts';
import { cancelCallOf, modifyCallOf, placeCallOf } from './order-requests.ts';
import { KiteRestError } from './rest-error.ts';
import type { KiteRestPool } from './rest-pool.ts';
import type { KiteRequest } from './rest-request.ts';

export interface OrderCallsOptions {
  readonly rest: Pick<KiteRestPool, 'call'>;
  readonly accounts: () => readonly OrderAccount[];
}

const Acknowledgement = z.looseObject({ order_id: OrderId });
const Rows = z.array(z.unknown());
/** As the token's check: it costs Kite nothing, and changes nothing. */
const PROBE: KiteRequest = { method: 'GET', path: '/user/profile' };

function replyOf(error: unknown): WriteReply {
  if (!(error instanceof KiteRestError)) return { kind: 'lost', problem: errorText(error) };
  const { httpStatus, errorType, kiteMessage: message, retryAfterMs, mayHaveArrived } = error;
  if (httpStatus !== undefined) {
    const orderId = undefined;
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    return { kind: 'answered', httpStatus, orderId, errorType, message, ...wait };
  }
  return { kind: mayHaveArrived ? 'lost' : 'not_sent', problem: error.message };
}

export class KiteOrderCalls implements KiteOrders {
  readonly #options: OrderCallsOptions;

  constructor(options: OrderCallsOptions) {
    this.#options = options;
  }

  accounts(): readonly OrderAccount[] {
    return this.#options.accounts();
  }

  place(accountId: string, request: PlaceRequest, tag: string): Promise<WriteOutcome> {
    return this.#write(accountId, placeCallOf(request, tag));
  }

  modify(accountId: string, request: ModifyRequest): Promise<WriteOutcome> {
    return this.#write(accountId, modifyCallOf(request));
  }

  cancel(accountId: string, request: CancelRequest): Promise<WriteOutcome> {
    return this.#write(accountId, cancelCallOf(request));
  }

  book(accountId: string): Promise<BookAnswer> {
    return this.#read(accountId, { method: 'GET', path: '/orders' });
  }

  history(accountId: string, orderId: string): Promise<BookAnswer> {
    return this.#read(accountId, { method: 'GET', path: `/orders/${encodeURIComponent(orderId)}` });
  }

  async probe(accountId: string): Promise<boolean> {
    try {
      await this.#options.rest.call(PROBE, z.unknown(), { accountId });
      return true;
    } catch (error) {
      const httpStatus = error instanceof KiteRestError ? error.httpStatus : undefined;
      return httpStatus !== undefined && httpStatus < 500 && httpStatus !== 429;
    }
  }

  async #write(accountId: string, request: KiteRequest): Promise<WriteOutcome> {
    try {
      const { rest } = this.#options;
      const data = await rest.call(request, z.unknown(), { accountId, leaveMsMax: ORDER_SEND_WAIT_MS_MAX });
      const acknowledged = Acknowledgement.safeParse(data);
      const orderId = acknowledged.success ? acknowledged.data.order_id : undefined;
      return classifyWrite({
        kind: 'answered',
        httpStatus: 200,
        orderId,
        errorType: undefined,
        message: undefined,
      });
    } catch (error) {
      return classifyWrite(replyOf(error));
    }
  }

  async #read(accountId: string, request: KiteRequest): Promise<BookAnswer> {
    try {
      const rows = await this.#options.rest.call(request, Rows, { accountId });
      const orders: KiteOrder[] = [];
      const unread: UnreadOrder[] = [];
      for (const [i, row] of rows.entries()) {
        const order = readKiteOrder(row);
        // Left out it would be taken for not there, by whoever looks for it.
        if ('problem' in order)
          unread.push(readUnreadOrder(row, `order ${i + 1} of ${rows.length}: ${order.problem}`));
        else orders.push(order);
      }
      return { kind: 'orders', orders, unread };
    } catch (error) {
      return { kind: 'failed', problem: errorText(error) };
    }
  }
}
