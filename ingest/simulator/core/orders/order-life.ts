// One order from its registration to its end: what it was at each moment, what happens to it next, and its trades.
import {
  isTerminal,
  type OrderRow,
  type OrderStatus,
  type OrderTerms,
  type OrderUpdate,
  remainingOf,
  type Trade,
} from './order.ts';

/** What will happen to an order, and when. */
export type OrderStep = { readonly atMs: number } & (
  | { readonly kind: 'status'; readonly status: OrderStatus }
  /** The exchange takes it, or rejects it. */
  | { readonly kind: 'arrival' }
  | { readonly kind: 'modification'; readonly terms: OrderTerms }
  | { readonly kind: 'cancellation' }
  /** The end of its validity. */
  | { readonly kind: 'lapse' }
);

/** What the exchange answers to an order that arrives. */
export type Arrival =
  | { readonly kind: 'taken'; readonly exchangeOrderId: string }
  | { readonly kind: 'rejected'; readonly message: string };

const MINUTE_MS = 60_000;
const LAPSED_MESSAGE = 'Order validity has ended.';

export class OrderLife {
  /** Reads do not find it before. */
  readonly visibleAtMs: number;
  /** Why the exchange will reject it, if that is decided. */
  readonly rejection: string | undefined;
  modifications = 0;
  /** The next look at the market; not before. */
  nextLookMs = Number.POSITIVE_INFINITY;
  readonly #history: OrderRow[];
  readonly #trades: Trade[] = [];
  #steps: OrderStep[] = [];
  /** An SL whose trigger the market has not reached. */
  #isWaiting = false;

  constructor(row: OrderRow, visibleAtMs: number, rejection: string | undefined) {
    this.#history = [row];
    this.visibleAtMs = visibleAtMs;
    this.rejection = rejection;
  }

  get row(): OrderRow {
    return this.#history.at(-1) as OrderRow;
  }

  get history(): readonly OrderRow[] {
    return [...this.#history];
  }

  get trades(): readonly Trade[] {
    return [...this.#trades];
  }

  get isOver(): boolean {
    return isTerminal(this.row.status);
  }

  get isWaiting(): boolean {
    return this.#isWaiting && !this.isOver;
  }

  /** Whether the market can fill it now: also while a cancellation or a modification is under way. */
  get isResting(): boolean {
    return this.row.exchangeOrderId !== null && !this.#isWaiting && !this.isOver;
  }

  /** Whether a modification or a cancellation would be taken now. */
  get isWritable(): boolean {
    const { status } = this.row;
    return status === 'OPEN' || status === 'TRIGGER PENDING' || status === 'AMO REQ RECEIVED';
  }

  get nextStepMs(): number {
    return this.#steps[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Steps of the same time happen in the order in which they were planned. */
  plan(...steps: readonly OrderStep[]): void {
    this.#steps = [...this.#steps, ...steps].sort((a, b) => a.atMs - b.atMs);
  }

  /** The next step, which is taken off the plan. */
  takeStep(): OrderStep | undefined {
    return this.#steps.shift();
  }

  turn(status: OrderStatus): void {
    this.#push({ status });
  }

  arrive(arrival: Arrival, atMs: number, fillMs: number): OrderUpdate {
    if (arrival.kind === 'rejected') {
      this.#push({ status: 'REJECTED', statusMessage: arrival.message, updatedAtMs: atMs });
      return this.#end();
    }
    const { terms } = this.row;
    this.#isWaiting = terms.orderType === 'SL';
    this.nextLookMs = atMs + fillMs;
    const { exchangeOrderId } = arrival;
    this.#push({ status: this.#restingStatus, exchangeOrderId, exchangeAtMs: atMs, updatedAtMs: atMs });
    if (terms.validity === 'TTL')
      this.plan({ atMs: atMs + terms.validityTtlMinutes * MINUTE_MS, kind: 'lapse' });
    return { status: this.row.status, row: this.row };
  }

  /** The market has reached the trigger. */
  trigger(atMs: number): OrderUpdate {
    this.#isWaiting = false;
    // A write that is under way goes on.
    const isUndisturbed = this.row.status === 'TRIGGER PENDING';
    this.#push({ status: isUndisturbed ? 'OPEN' : this.row.status, updatedAtMs: atMs });
    return { status: isUndisturbed ? 'OPEN' : 'UPDATE', row: this.row };
  }

  fill(trade: Trade): OrderUpdate {
    this.#trades.push(trade);
    const before = this.row;
    const isComplete = trade.quantity === remainingOf(before);
    this.#push({
      status: isComplete ? 'COMPLETE' : before.status,
      filledQuantity: before.filledQuantity + trade.quantity,
      filledValue: before.filledValue + trade.quantity * trade.price,
      updatedAtMs: trade.tradedAtMs,
    });
    return isComplete ? this.#end() : { status: 'UPDATE', row: this.row };
  }

  /** New terms; the old ones stay if a fill has overtaken the new quantity. */
  modify(terms: OrderTerms, atMs: number): OrderUpdate {
    const before = this.row;
    const isOvertaken = terms.quantity <= before.filledQuantity;
    const wasOtherType = before.terms.orderType !== terms.orderType;
    if (!isOvertaken) {
      const isTriggerWanted = terms.orderType === 'SL' && before.exchangeOrderId !== null;
      this.#isWaiting = isTriggerWanted && (this.#isWaiting || wasOtherType);
      this.#push({ status: 'MODIFIED', terms, isModified: true, updatedAtMs: atMs });
    }
    this.#push({ status: this.#restingStatus, updatedAtMs: atMs });
    return { status: 'UPDATE', row: this.row };
  }

  /** An order that the exchange does not have yet changes without it. */
  replaceTerms(terms: OrderTerms): void {
    this.#push({ terms, isModified: true });
  }

  cancel(atMs: number, statusMessage: string | null): OrderUpdate {
    const cancelledQuantity = remainingOf(this.row);
    this.#push({ status: 'CANCELLED', statusMessage, cancelledQuantity, updatedAtMs: atMs });
    return this.#end();
  }

  lapse(atMs: number): OrderUpdate {
    return this.cancel(atMs, LAPSED_MESSAGE);
  }

  get #restingStatus(): OrderStatus {
    return this.#isWaiting ? 'TRIGGER PENDING' : 'OPEN';
  }

  #end(): OrderUpdate {
    this.#steps = [];
    this.#isWaiting = false;
    this.nextLookMs = Number.POSITIVE_INFINITY;
    return { status: this.row.status, row: this.row };
  }

  #push(change: Partial<OrderRow>): void {
    this.#history.push({ ...this.row, ...change });
  }
}
