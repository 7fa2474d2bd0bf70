// A model of Kite's order system: what it takes, what becomes of it, what its book shows when, and what it counts.
import type { KiteOrder } from '../../../ingest/core/orders/kite-order.ts';
import type { WriteReply } from '../../../ingest/core/orders/outcome.ts';
import type { OrderRequest } from '../../../shared/order.ts';
import type { Faults } from './scenario.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface VenueOrder {
  readonly orderId: string;
  readonly accountId: string;
  readonly tag: string | null;
  readonly visibleAtMs: number;
  status: string;
  statusMessage: string | null;
  quantity: number;
  price: number;
  filledQuantity: number;
  updatedAtMs: number | null;
  modifications: number;
  isBusy: boolean;
  /** Tasks' requests that it has carried out. */
  readonly carriedOut: Set<string>;
}

/** A write request on the wire, and whose it is, which Kite does not know. */
export interface WireRequest {
  readonly taskId: string;
  readonly accountId: string;
  readonly tag: string | null;
  readonly asked: OrderRequest;
}

/** What the reply will look like, and whether it was done: the two need not agree. */
interface Fate {
  readonly isDone: boolean;
  readonly reply: 'true' | 'lost' | WriteReply;
}

const DAY_START_MS = Date.UTC(2026, 10, 23, 3, 30);
const ENDS = ['COMPLETE', 'CANCELLED', 'REJECTED'];

const answered = (httpStatus: number, errorType?: string, message?: string): WriteReply => ({
  kind: 'answered',
  httpStatus,
  orderId: undefined,
  errorType,
  message,
});
const TIMED_OUT = 'Order request timed out. Please check the order book and confirm before placing again.';
const BUSY = 'Order cannot be modified as it is being processed. Try later.';

/** Replies that say nothing of whether it was done. */
const AMBIGUOUS: readonly WriteReply[] = [
  answered(502),
  answered(200),
  answered(400, 'OrderException', TIMED_OUT),
  answered(503, 'NetworkException', 'Request failed (kitetrade-oms).'),
  answered(500, 'GeneralException', 'Something went wrong'),
  answered(504),
];

export class KiteVenue {
  readonly #time: VirtualTime;
  readonly #faults: () => Faults;
  readonly #dayStartMs: () => number;
  readonly orders: VenueOrder[] = [];
  /** When writes arrived, by user, all of them. */
  readonly arrivalsMs = new Map<string, number[]>();
  readonly userOf: (accountId: string) => string;
  onArrival: (request: WireRequest) => void = () => undefined;
  onNews: (accountId: string, order: KiteOrder) => void = () => undefined;
  onThrottled: (request: WireRequest) => void = () => undefined;
  onDone: (request: WireRequest, order: VenueOrder) => void = () => undefined;

  constructor(
    time: VirtualTime,
    faults: () => Faults,
    userOf: (accountId: string) => string,
    dayStartMs: () => number,
  ) {
    this.#dayStartMs = dayStartMs;
    this.userOf = userOf;
    this.#time = time;
    this.#faults = faults;
  }

  /** A request has arrived; `lost`: its reply will not. */
  receive(request: WireRequest): WriteReply | 'lost' {
    const time = this.#time;
    const userId = this.userOf(request.accountId);
    const arrivalsMs = this.arrivalsMs.get(userId) ?? [];
    this.arrivalsMs.set(userId, arrivalsMs);
    arrivalsMs.push(time.nowMs);
    this.onArrival(request);
    if (isOverLimit(arrivalsMs, time.nowMs, this.#dayStartMs()) || time.chance(this.#faults().throttled)) {
      this.onThrottled(request);
      return answered(429, 'NetworkException', 'Too many requests');
    }
    const { isDone, reply } = this.#fate();
    const truth = isDone ? this.#carryOut(request) : answered(400, 'MarginException', 'Insufficient funds.');
    return reply === 'true' ? truth : reply;
  }

  /** The rows of the day, as they are now. */
  book(accountId: string): readonly KiteOrder[] {
    return this.orders.filter((order) => order.accountId === accountId && this.#isVisible(order)).map(rowOf);
  }

  /** Puts an order into the book that no task has asked for. */
  placeElsewhere(accountId: string): void {
    this.#enter(accountId, null, this.#time.between(1, 20), this.#time.between(100, 200));
  }

  #fate(): Fate {
    const time = this.#time;
    const faults = this.#faults();
    if (time.chance(faults.refused)) return { isDone: false, reply: 'true' };
    if (time.chance(faults.replyLost)) return { isDone: time.chance(0.7), reply: 'lost' };
    if (time.chance(faults.ambiguous)) return { isDone: time.chance(0.5), reply: time.pick(AMBIGUOUS) };
    return { isDone: true, reply: 'true' };
  }

  #carryOut(request: WireRequest): WriteReply {
    const { asked, accountId, tag } = request;
    if (asked.kind === 'place') {
      const order = this.#enter(accountId, tag, asked.request.quantity, asked.request.price ?? 0);
      order.carriedOut.add(request.taskId);
      this.onDone(request, order);
      return { ...answered(200), orderId: order.orderId } as WriteReply;
    }
    const order = this.orders.find(({ orderId }) => orderId === asked.request.order_id);
    if (!order || !this.#isVisible(order)) {
      return answered(400, 'OrderException', `The order for ID (${asked.request.order_id}) does not exist`);
    }
    if (order.isBusy || ENDS.includes(order.status)) return answered(400, 'InputException', BUSY);
    this.onDone(request, order);
    order.isBusy = true;
    if (asked.kind === 'modify') order.modifications++;
    this.#time.at(this.#time.between(5, 2_000), () => {
      order.isBusy = false;
      if (ENDS.includes(order.status)) return;
      order.carriedOut.add(request.taskId);
      if (asked.kind === 'cancel') return this.#set(order, { status: 'CANCELLED' });
      this.#set(order, { price: asked.request.price ?? order.price, status: 'OPEN' });
    });
    return { ...answered(200), orderId: order.orderId } as WriteReply;
  }

  #enter(accountId: string, tag: string | null, quantity: number, price: number): VenueOrder {
    const time = this.#time;
    const { bookDelayMsMax } = this.#faults();
    const order: VenueOrder = {
      orderId: `19533${String(this.orders.length).padStart(14, '0')}`,
      accountId,
      tag,
      visibleAtMs: time.nowMs + (time.chance(0.5) ? 0 : time.between(0, bookDelayMsMax)),
      status: 'PUT ORDER REQ RECEIVED',
      statusMessage: null,
      quantity,
      price,
      filledQuantity: 0,
      updatedAtMs: null,
      modifications: 0,
      isBusy: false,
      carriedOut: new Set(),
    };
    this.orders.push(order);
    time.at(order.visibleAtMs - time.nowMs, () => this.#tell(order));
    this.#live(order, time.between(5, 3_000));
    return order;
  }

  /** What happens next to an order: fills, in parts, until it has an end. */
  #live(order: VenueOrder, delayMs: number): void {
    const time = this.#time;
    time.at(order.visibleAtMs + delayMs - time.nowMs, () => {
      if (ENDS.includes(order.status)) return;
      if (order.status === 'PUT ORDER REQ RECEIVED') {
        if (time.chance(0.1))
          return this.#set(order, { status: 'REJECTED', statusMessage: 'exchange says no' });
        this.#set(order, { status: 'OPEN' });
      } else if (time.chance(0.1)) {
        return this.#set(order, { status: 'CANCELLED' });
      } else {
        const filledQuantity = Math.min(
          order.quantity,
          order.filledQuantity + time.between(1, order.quantity),
        );
        this.#set(order, { filledQuantity, status: filledQuantity === order.quantity ? 'COMPLETE' : 'OPEN' });
      }
      this.#live(order, time.nowMs - order.visibleAtMs + time.between(10, 20_000));
    });
  }

  #set(order: VenueOrder, change: Partial<VenueOrder>): void {
    Object.assign(order, change);
    order.updatedAtMs = this.#time.nowMs;
    this.#tell(order);
  }

  #tell(order: VenueOrder): void {
    if (!this.#isVisible(order)) return;
    const row = rowOf(order);
    this.onNews(order.accountId, row);
    // An event of the socket's own, late: its status is no status.
    const isPartial = order.filledQuantity > 0 && order.status === 'OPEN';
    if (isPartial) this.onNews(order.accountId, withPayload({ ...row, status: 'UPDATE' }));
  }

  #isVisible({ visibleAtMs }: VenueOrder): boolean {
    return visibleAtMs <= this.#time.nowMs;
  }
}

/** `arrivalsMs` are ascending; `dayStartMs` is when the day of `nowMs` began. */
export function isOverLimit(arrivalsMs: readonly number[], nowMs: number, dayStartMs: number): boolean {
  let inSecond = 0;
  let inMinute = 0;
  for (let i = arrivalsMs.length - 1; i >= 0; i--) {
    const ageMs = nowMs - (arrivalsMs[i] as number);
    if (ageMs >= 60_000) break;
    inMinute++;
    if (ageMs < 1_000) inSecond++;
  }
  if (inSecond > 10 || inMinute > 400) return true;
  return arrivalsMs.length > 5_000 && arrivalsMs.filter((atMs) => atMs >= dayStartMs).length > 5_000;
}

function withPayload(order: KiteOrder): KiteOrder {
  const payload: Record<string, unknown> = {};
  const row = { ...order, payload };
  payload.order = row;
  return row;
}

function rowOf(order: VenueOrder): KiteOrder {
  const { orderId, tag, status, statusMessage, quantity, price, filledQuantity, updatedAtMs } = order;
  return withPayload({
    orderId,
    parentOrderId: null,
    tag: tag !== null && orderId.endsWith('3') ? null : tag,
    tags: tag === null ? [] : ['mktp', tag],
    status,
    statusMessage,
    quantity,
    filledQuantity,
    averagePrice: filledQuantity > 0 ? price : 0,
    price,
    triggerPrice: 0,
    disclosedQuantity: 0,
    validity: 'DAY',
    // Kite's times have seconds.
    exchangeUpdatedAtMs: updatedAtMs === null ? null : DAY_START_MS + Math.floor(updatedAtMs / 1_000) * 1_000,
    payload: {},
  });
}
