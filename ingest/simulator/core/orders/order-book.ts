// The orders of one Zerodha user for one day: what Kite and the exchange do with them, and what follows from their fills.
import { assertNever } from '../../../../shared/errors.ts';
import { KITE_MODIFICATIONS_PER_ORDER_MAX, KITE_TAG_CHARS_MAX } from '../../../../shared/limits.ts';
import { DAY_MS, istDayOf, istMidnightMs } from '../expiry-calendar.ts';
import { RandomStream } from '../random.ts';
import { fillOf, isTriggered, rejectionOf } from './fill.ts';
import type {
  OrderChanges,
  OrderContract,
  OrderMarket,
  OrderQuote,
  OrderRequest,
  OrderRow,
  OrderTerms,
  OrderUpdate,
  Trade,
} from './order.ts';
import { OrderIds } from './order-ids.ts';
import { OrderLife, type OrderStep } from './order-life.ts';
import {
  CANCELLED_IN_PROCESS,
  inputRefusal,
  MODIFICATIONS_EXCEEDED,
  MODIFIED_IN_PROCESS,
  noSuchOrder,
  type OrderRefusal,
} from './order-refusal.ts';
import { readTerms, type TermsAsked } from './order-terms.ts';
import { ORDER_TUNING, type OrderTuning } from './order-tuning.ts';
import {
  type MarginSegment,
  type OpeningCash,
  type Position,
  Positions,
  type SegmentMargin,
} from './positions.ts';
import { checkFunds, checkProduct } from './risk-check.ts';

export type OrderOutcome =
  | { readonly kind: 'accepted'; readonly orderId: string }
  | { readonly kind: 'refused'; readonly refusal: OrderRefusal };

/** What goes otherwise than it should with an order that is placed. */
export interface OrderFate {
  /** It stays in PUT ORDER REQ RECEIVED for so long. */
  readonly heldMs?: number;
  /** Reads do not find it for so long; it lives all the same. */
  readonly hiddenMs?: number;
  /** The exchange rejects it with these words. */
  readonly rejection?: string;
}

export interface OrderBookOptions {
  readonly market: OrderMarket;
  readonly seed: number;
  readonly cash: OpeningCash;
  readonly tuning?: OrderTuning;
}

/** AMO orders go to the exchange when it opens. */
const OPENING_TIME_OF_DAY_MS = 9.25 * 3_600_000;

/** The next 09:15 IST. */
function nextOpeningMs(nowMs: number): number {
  const today = istMidnightMs(istDayOf(nowMs)) + OPENING_TIME_OF_DAY_MS;
  return nowMs < today ? today : today + DAY_MS;
}

/**
 * Time comes from the caller and only goes on when it does: a call at a later time first lets happen what was due
 * until then, but the market is looked at as it is at that call.
 */
export class OrderBook {
  readonly #market: OrderMarket;
  readonly #tuning: OrderTuning;
  readonly #random: RandomStream;
  readonly #ids: OrderIds;
  readonly #positions: Positions;
  readonly #orders = new Map<string, OrderLife>();
  readonly #live = new Set<OrderLife>();
  #trades: Trade[] = [];
  #updates: OrderUpdate[] = [];
  #day = Number.NEGATIVE_INFINITY;

  constructor({ market, seed, cash, tuning = ORDER_TUNING }: OrderBookOptions) {
    this.#market = market;
    this.#tuning = tuning;
    this.#random = new RandomStream(seed);
    this.#ids = new OrderIds(seed);
    this.#positions = new Positions(cash);
  }

  /** Registers an order, or refuses it without a trace. Accepted says nothing of the exchange. */
  place(request: OrderRequest, nowMs: number, fate: OrderFate = {}): OrderOutcome {
    this.#run(nowMs);
    const contract = this.#market.contractOf(request.exchange, request.tradingsymbol);
    const quote = contract === undefined ? undefined : this.#market.quoteOf(contract);
    if (contract === undefined || quote === undefined || contract.kind === 'index')
      return refused(
        inputRefusal(`Invalid \`tradingsymbol\`: ${request.exchange}:${request.tradingsymbol}.`),
      );
    if (request.tag !== undefined && request.tag.length > KITE_TAG_CHARS_MAX)
      return refused(inputRefusal(`Invalid \`tag\`: at most ${KITE_TAG_CHARS_MAX} characters.`));
    const { side, product } = request;
    const read = readTerms(request, side, contract, quote, this.#tuning.protectionPercent);
    if ('refusal' in read) return refused(read.refusal);
    const refusal =
      checkProduct(contract, product) ??
      checkFunds({ contract, side, product, terms: read.terms }, this.#positions, this.#rows());
    if (refusal !== undefined) return refused(refusal);
    const row = this.#newRow(request, contract, read.terms, nowMs);
    const visibleAtMs = nowMs + this.#tuning.unknownMs + (fate.hiddenMs ?? 0);
    const order = new OrderLife(row, visibleAtMs, fate.rejection);
    this.#orders.set(row.orderId, order);
    this.#live.add(order);
    this.#planArrival(order, nowMs, fate.heldMs ?? 0);
    this.#run(nowMs);
    return { kind: 'accepted', orderId: row.orderId };
  }

  /** Accepted says only that the modification is under way. */
  modify(orderId: string, changes: OrderChanges, nowMs: number): OrderOutcome {
    this.#run(nowMs);
    const order = this.#visible(orderId, nowMs);
    if (order === undefined) return refused(noSuchOrder(orderId));
    if (!order.isWritable) return refused(MODIFIED_IN_PROCESS);
    if (order.modifications >= KITE_MODIFICATIONS_PER_ORDER_MAX) return refused(MODIFICATIONS_EXCEEDED);
    const { contract, side, product, filledQuantity } = order.row;
    const quote = this.#market.quoteOf(contract);
    if (quote === undefined) return refused(MODIFIED_IN_PROCESS);
    const asked = changedTerms(order, changes);
    const read = readTerms(asked, side, contract, quote, this.#tuning.protectionPercent);
    if ('refusal' in read) return refused(read.refusal);
    if (read.terms.quantity <= filledQuantity)
      return refused(inputRefusal('Invalid `quantity`: it is filled already.'));
    const others = this.#rows().filter((row) => row.orderId !== orderId);
    const refusal = checkFunds({ contract, side, product, terms: read.terms }, this.#positions, others);
    if (refusal !== undefined) return refused(refusal);
    order.modifications += 1;
    // A protected order stays known as one.
    const { protectedPercent } = order.row.terms;
    const terms = { ...(protectedPercent === undefined ? {} : { protectedPercent }), ...read.terms };
    if (order.row.exchangeOrderId === null) {
      order.replaceTerms(terms);
      return { kind: 'accepted', orderId };
    }
    order.turn('MODIFY VALIDATION PENDING');
    const pendingMs = nowMs + this.#delay(this.#tuning.modifyMs);
    order.plan(
      { atMs: pendingMs, kind: 'status', status: 'MODIFY PENDING' },
      { atMs: pendingMs + this.#delay(this.#tuning.modifyMs), kind: 'modification', terms },
    );
    this.#run(nowMs);
    return { kind: 'accepted', orderId };
  }

  /** Accepted says only that the cancellation is under way: the order may still be filled before it. */
  cancel(orderId: string, nowMs: number): OrderOutcome {
    this.#run(nowMs);
    const order = this.#visible(orderId, nowMs);
    if (order === undefined) return refused(noSuchOrder(orderId));
    if (!order.isWritable) return refused(CANCELLED_IN_PROCESS);
    const isAtExchange = order.row.exchangeOrderId !== null;
    if (isAtExchange) order.turn('CANCEL PENDING');
    const atMs = isAtExchange ? nowMs + this.#delay(this.#tuning.cancelMs) : nowMs;
    order.plan({ atMs, kind: 'cancellation' });
    this.#run(nowMs);
    return { kind: 'accepted', orderId };
  }

  /** Lets happen what is due, and returns what Kite tells the user of it since the last call, in its order. */
  advance(nowMs: number): OrderUpdate[] {
    this.#run(nowMs);
    const quotes = new Map<number, OrderQuote | undefined>();
    for (const order of this.#live) {
      if (nowMs < order.nextLookMs) continue;
      const { contract } = order.row;
      // Thousands of orders are for few instruments.
      if (!quotes.has(contract.token)) quotes.set(contract.token, this.#market.quoteOf(contract));
      this.#look(order, quotes.get(contract.token), nowMs);
    }
    const updates = this.#updates;
    this.#updates = [];
    return updates;
  }

  /** GET /orders: the newest row of each order of the day, in the order of their registration. */
  book(nowMs: number): OrderRow[] {
    this.#run(nowMs);
    return [...this.#orders.values()]
      .filter(({ visibleAtMs }) => visibleAtMs <= nowMs)
      .map((order) => order.row);
  }

  /** Each row that the order has had, or undefined while it is not found. */
  history(orderId: string, nowMs: number): readonly OrderRow[] | undefined {
    this.#run(nowMs);
    return this.#visible(orderId, nowMs)?.history;
  }

  /** All trades of the day, or those of an order; undefined while that is not found. */
  trades(nowMs: number, orderId?: string): readonly Trade[] | undefined {
    this.#run(nowMs);
    if (orderId !== undefined) return this.#visible(orderId, nowMs)?.trades;
    return this.#trades.filter((trade) => this.#visible(trade.orderId, nowMs) !== undefined);
  }

  positions(): readonly Position[] {
    return this.#positions.list();
  }

  margin(segment: MarginSegment): SegmentMargin {
    return this.#positions.marginOf(segment, this.#rows(), (contract) => this.#market.quoteOf(contract));
  }

  quoteOf(contract: OrderContract): OrderQuote | undefined {
    return this.#market.quoteOf(contract);
  }

  /** Orders that exist, found by reads or not, by tag: what nobody may have two of. */
  countByTag(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { row } of this.#orders.values())
      if (row.tag !== null) counts.set(row.tag, (counts.get(row.tag) ?? 0) + 1);
    return counts;
  }

  #rows(): OrderRow[] {
    return [...this.#live].map((order) => order.row);
  }

  #visible(orderId: string, nowMs: number): OrderLife | undefined {
    const order = this.#orders.get(orderId);
    return order !== undefined && order.visibleAtMs <= nowMs ? order : undefined;
  }

  #newRow(request: OrderRequest, contract: OrderContract, terms: OrderTerms, nowMs: number): OrderRow {
    const { appId, variety, side, product, tag } = request;
    return {
      orderId: this.#ids.orderId(nowMs),
      exchangeOrderId: null,
      appId,
      variety,
      contract,
      side,
      product,
      terms,
      tag: tag ?? null,
      status: variety === 'amo' ? 'AMO REQ RECEIVED' : 'PUT ORDER REQ RECEIVED',
      statusMessage: null,
      isModified: false,
      orderedAtMs: nowMs,
      exchangeAtMs: null,
      updatedAtMs: null,
      filledQuantity: 0,
      filledValue: 0,
      cancelledQuantity: 0,
    };
  }

  #planArrival(order: OrderLife, nowMs: number, heldMs: number): void {
    const { receivedMs, validationMs, openPendingMs } = this.#tuning;
    const isAmo = order.row.variety === 'amo';
    const startMs = isAmo ? nextOpeningMs(nowMs) : nowMs;
    if (isAmo) order.plan({ atMs: startMs, kind: 'status', status: 'PUT ORDER REQ RECEIVED' });
    const validationAtMs = startMs + heldMs + this.#delay(receivedMs);
    const pendingAtMs = validationAtMs + this.#delay(validationMs);
    order.plan(
      { atMs: validationAtMs, kind: 'status', status: 'VALIDATION PENDING' },
      { atMs: pendingAtMs, kind: 'status', status: 'OPEN PENDING' },
      { atMs: pendingAtMs + this.#delay(openPendingMs), kind: 'arrival' },
    );
  }

  #delay(ms: number): number {
    return ms * (1 + this.#tuning.jitter * this.#random.unit());
  }

  /** Every step that is due, in the order of their times. */
  #run(nowMs: number): void {
    this.#followDay(nowMs);
    for (;;) {
      let next: OrderLife | undefined;
      for (const order of this.#live)
        if (order.nextStepMs <= nowMs && order.nextStepMs < (next?.nextStepMs ?? Number.POSITIVE_INFINITY))
          next = order;
      const step = next?.takeStep();
      if (next === undefined || step === undefined) break;
      this.#take(next, step);
    }
  }

  #take(order: OrderLife, step: OrderStep): void {
    switch (step.kind) {
      case 'status':
        order.turn(step.status);
        return;
      case 'arrival': {
        const { contract } = order.row;
        const message = order.rejection ?? rejectionOf(order.row, this.#market.quoteOf(contract));
        const arrival =
          message === undefined
            ? ({ kind: 'taken', exchangeOrderId: this.#ids.exchangeOrderId() } as const)
            : ({ kind: 'rejected', message } as const);
        this.#tell(order, order.arrive(arrival, step.atMs, this.#delay(this.#tuning.fillMs)));
        return;
      }
      case 'modification':
        this.#tell(order, order.modify(step.terms, step.atMs));
        return;
      case 'cancellation':
        this.#tell(order, order.cancel(step.atMs, null));
        return;
      case 'lapse':
        this.#tell(order, order.lapse(step.atMs));
        return;
      default:
        assertNever(step);
    }
  }

  /** A look at the market: a trigger, a fill, or the end of an IOC order. */
  #look(order: OrderLife, quote: OrderQuote | undefined, nowMs: number): void {
    if (quote === undefined) return;
    if (order.isWaiting && isTriggered(order.row, quote)) this.#tell(order, order.trigger(nowMs));
    const fill = order.isResting ? fillOf(order.row, quote) : undefined;
    if (fill !== undefined) {
      order.nextLookMs = nowMs + this.#delay(this.#tuning.fillMs);
      this.#fill(order, fill.price, fill.quantity, nowMs);
    }
    if (order.isResting && order.row.terms.validity === 'IOC') this.#tell(order, order.lapse(nowMs));
  }

  #fill(order: OrderLife, price: number, quantity: number, nowMs: number): void {
    const { orderId, exchangeOrderId, contract, product, side } = order.row;
    if (exchangeOrderId === null) return;
    const tradeId = this.#ids.tradeId();
    const trade: Trade = {
      tradeId,
      orderId,
      exchangeOrderId,
      contract,
      product,
      side,
      quantity,
      price,
      tradedAtMs: nowMs,
    };
    this.#trades.push(trade);
    this.#positions.apply(trade);
    this.#tell(order, order.fill(trade));
  }

  /** Nobody is told of an after-market order that the exchange does not have. */
  #tell(order: OrderLife, update: OrderUpdate): void {
    if (order.isOver) this.#live.delete(order);
    const { variety, exchangeOrderId } = update.row;
    if (variety === 'regular' || exchangeOrderId !== null) this.#updates.push(update);
  }

  /** A book is of one day: with the next one all that is not an after-market order for it is gone. */
  #followDay(nowMs: number): void {
    const day = istDayOf(nowMs);
    if (day <= this.#day) return;
    this.#day = day;
    for (const [orderId, order] of this.#orders) {
      if (order.row.status === 'AMO REQ RECEIVED') continue;
      this.#orders.delete(orderId);
      this.#live.delete(order);
    }
    this.#trades = [];
    this.#positions.clear();
  }
}

function refused(refusal: OrderRefusal): OrderOutcome {
  return { kind: 'refused', refusal };
}

/** The order's own terms where the changes say nothing. One that was triggered is a limit order from then on. */
function changedTerms({ row: { terms, contract }, isResting }: OrderLife, changes: OrderChanges): TermsAsked {
  const { divisor } = contract;
  return {
    quantity: terms.quantity,
    orderType: isResting ? 'LIMIT' : terms.orderType,
    price: terms.price / divisor,
    ...(terms.triggerPrice === 0 ? {} : { triggerPrice: terms.triggerPrice / divisor }),
    validity: terms.validity,
    validityTtlMinutes: terms.validityTtlMinutes,
    disclosedQuantity: terms.disclosedQuantity,
    ...changes,
  };
}
