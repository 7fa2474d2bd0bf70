// Orders of one term of the lease: the executor with its database, Kite and clients, from the start of the term to its end.
import { ORDER_DRAIN_MS_MAX } from '../../shared/limits.ts';
import type { OrdersStatus } from '../../shared/status.ts';
import type { Clock, Timer } from '../clock.ts';
import { readKiteOrder } from '../kite/order-payload.ts';
import type { SignedOrder } from '../kite/postbacks.ts';
import type { Lease } from '../lease-keeper.ts';
import type { Logger } from '../log.ts';
import { OrderExecutor } from './executor.ts';
import { OrderNotices } from './order-notices.ts';
import type { KiteOrders, OrderStore } from './ports.ts';

/** What a term's orders live on, and what ends with them. */
export interface OrderParts {
  readonly store: OrderStore & { close(): void };
  readonly kite: KiteOrders;
  readonly archiver: { start(): void; stop(): void };
  readonly census: { start(): void; stop(): void; readonly status: OrdersStatus | undefined };
}

export interface OrderServiceOptions extends OrderParts {
  readonly epoch: number;
  readonly lease: Pick<Lease, 'confirm'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** JSON text of an event for clients; it may get lost. */
  readonly notify: (event: string) => void;
}

export class OrderService {
  readonly #options: OrderServiceOptions;
  readonly #notices: OrderNotices;
  readonly #executor: OrderExecutor;
  #run: Promise<void> | undefined;

  constructor(options: OrderServiceOptions) {
    const { epoch, store, kite, lease, clock, random, log, notify } = options;
    this.#options = options;
    this.#notices = new OrderNotices({ clock, notify });
    const news = {
      onEvents: (events: Parameters<OrderNotices['push']>[0]) => this.#notices.push(events),
      onAlarm: (task: string, reason: string) => log.error('an order task needs a person', { task, reason }),
    };
    this.#executor = new OrderExecutor({ epoch, store, kite, news, lease, clock, random, log });
  }

  start(): void {
    this.#run = this.#executor.run();
    this.#options.archiver.start();
    this.#options.census.start();
  }

  get status(): OrdersStatus | undefined {
    return this.#options.census.status;
  }

  /**
   * Sends nothing more, and ends when Kite has answered what is under way and that is stored, or after ORDER_DRAIN_MS_MAX:
   * what has no answer then is looked for at the next start.
   */
  async stop(): Promise<void> {
    const { store, archiver, census, clock } = this.#options;
    archiver.stop();
    census.stop();
    this.#executor.stop();
    if (this.#run) {
      let timer: Timer | undefined;
      const late = new Promise<void>((resolve) => {
        timer = clock.after(ORDER_DRAIN_MS_MAX, resolve);
      });
      await Promise.race([this.#run, late]);
      timer?.cancel();
    }
    this.#notices.stop();
    store.close();
  }

  /** There may be new tasks. */
  wake(): void {
    this.#executor.wake();
  }

  /** An order as a socket of that account tells it. */
  onUpdate(accountId: string, payload: unknown): void {
    const order = readKiteOrder(payload);
    if (!('problem' in order)) {
      this.#executor.onOrder(accountId, order);
      return;
    }
    this.#options.log.warn('order update cannot be read, the book is', { problem: order.problem });
    this.#executor.compareBook(accountId);
  }

  /** A socket of the account is open: what was said while it was not is in the book. */
  onSocketOpen(accountId: string): void {
    this.#executor.compareBook(accountId);
  }

  /** Somebody says that an order has changed. */
  reread({ accountId, orderId }: SignedOrder): void {
    this.#executor.rereadOrder(accountId, orderId);
  }
}
