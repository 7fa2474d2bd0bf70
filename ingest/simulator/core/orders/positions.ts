// What a user holds from the trades of the day, and the money that holds it: both follow from trades and orders alone.
import {
  isTerminal,
  type OrderContract,
  type OrderQuote,
  type OrderRow,
  type Product,
  remainingOf,
  type Side,
  type Trade,
} from './order.ts';

export interface Position {
  readonly contract: OrderContract;
  readonly product: Product;
  readonly buyQuantity: number;
  /** Raw price times quantity, as `sellValue`. */
  readonly buyValue: number;
  readonly sellQuantity: number;
  readonly sellValue: number;
}

export interface OpeningCash {
  readonly equity: number;
  readonly commodity: number;
}
export type MarginSegment = keyof OpeningCash;

/** Rupees. */
export interface SegmentMargin {
  readonly opening: number;
  readonly realised: number;
  readonly unrealised: number;
  /** Blocked by positions, and by what orders may still fill. */
  readonly blocked: number;
  readonly available: number;
}

/** Share of an order's worth that is blocked. */
const INTRADAY_SHARE_FRACTION = 0.2;
const FINANCED_SHARE_FRACTION = 0.25;
const DERIVATIVE_FRACTION = 0.15;

export function netOf({ buyQuantity, sellQuantity }: Position): number {
  return buyQuantity - sellQuantity;
}

export function segmentOfExchange(exchange: string): MarginSegment {
  return exchange === 'MCX' ? 'commodity' : 'equity';
}

/** Rupees that a new quantity blocks. */
export function marginOf(
  contract: OrderContract,
  side: Side,
  product: Product,
  quantity: number,
  price: number,
): number {
  const { kind, divisor, strike } = contract;
  const isOption = kind === 'call' || kind === 'put';
  const worth = ((isOption && side === 'SELL' ? strike + price : price) * quantity) / divisor;
  if (isOption) return side === 'BUY' ? worth : worth * DERIVATIVE_FRACTION;
  if (kind === 'future') return worth * DERIVATIVE_FRACTION;
  if (product === 'CNC') return worth;
  return worth * (product === 'MTF' ? FINANCED_SHARE_FRACTION : INTRADAY_SHARE_FRACTION);
}

function keyOf(contract: OrderContract, product: Product): string {
  return `${product} ${contract.exchange}:${contract.tradingsymbol}`;
}

function realisedOf(position: Position): number {
  const { buyQuantity, buyValue, sellQuantity, sellValue, contract } = position;
  const closed = Math.min(buyQuantity, sellQuantity);
  if (closed === 0) return 0;
  return ((sellValue / sellQuantity - buyValue / buyQuantity) * closed) / contract.divisor;
}

/** Mean price of what is open, in raw units; 0 when nothing is. */
export function averageOf(position: Position): number {
  const net = netOf(position);
  if (net > 0) return position.buyValue / position.buyQuantity;
  return net < 0 ? position.sellValue / position.sellQuantity : 0;
}

export class Positions {
  readonly #cash: OpeningCash;
  readonly #positions = new Map<string, Position>();

  constructor(cash: OpeningCash) {
    this.#cash = cash;
  }

  list(): readonly Position[] {
    return [...this.#positions.values()];
  }

  apply({ contract, product, side, quantity, price }: Trade): void {
    const key = keyOf(contract, product);
    const before = this.#positions.get(key) ?? {
      contract,
      product,
      buyQuantity: 0,
      buyValue: 0,
      sellQuantity: 0,
      sellValue: 0,
    };
    const value = quantity * price;
    this.#positions.set(
      key,
      side === 'BUY'
        ? { ...before, buyQuantity: before.buyQuantity + quantity, buyValue: before.buyValue + value }
        : { ...before, sellQuantity: before.sellQuantity + quantity, sellValue: before.sellValue + value },
    );
  }

  clear(): void {
    this.#positions.clear();
  }

  /** How much of a side would close what is open, by orders of that side that still stand diminished. */
  closable(contract: OrderContract, product: Product, side: Side, orders: Iterable<OrderRow>): number {
    const position = this.#positions.get(keyOf(contract, product));
    const net = position === undefined ? 0 : netOf(position);
    let open = side === 'BUY' ? -net : net;
    for (const row of orders) {
      const isSame = row.side === side && row.product === product && row.contract.token === contract.token;
      if (isSame && !isTerminal(row.status)) open -= remainingOf(row);
    }
    return Math.max(0, open);
  }

  /** Money of a segment while these orders stand. */
  marginOf(
    segment: MarginSegment,
    orders: Iterable<OrderRow>,
    quoteOf: (contract: OrderContract) => OrderQuote | undefined,
  ): SegmentMargin {
    const opening = this.#cash[segment];
    let realised = 0;
    let unrealised = 0;
    let blocked = 0;
    for (const position of this.#positions.values()) {
      const { contract, product } = position;
      if (segmentOfExchange(contract.exchange) !== segment) continue;
      const net = netOf(position);
      const average = averageOf(position);
      realised += realisedOf(position);
      if (net === 0) continue;
      blocked += marginOf(contract, net > 0 ? 'BUY' : 'SELL', product, Math.abs(net), average);
      unrealised += (((quoteOf(contract)?.last ?? average) - average) * net) / contract.divisor;
    }
    blocked += this.#blockedByOrders(segment, orders);
    return { opening, realised, unrealised, blocked, available: opening + realised - blocked };
  }

  /** What closes a position blocks nothing, and each unit of it is closed once. */
  #blockedByOrders(segment: MarginSegment, orders: Iterable<OrderRow>): number {
    const closable = new Map<string, number>();
    for (const [key, position] of this.#positions) {
      const net = netOf(position);
      closable.set(`${net > 0 ? 'SELL' : 'BUY'} ${key}`, Math.abs(net));
    }
    let blocked = 0;
    for (const row of orders) {
      const { contract, product, side, terms } = row;
      if (isTerminal(row.status) || segmentOfExchange(contract.exchange) !== segment) continue;
      const key = `${side} ${keyOf(contract, product)}`;
      const closing = Math.min(closable.get(key) ?? 0, remainingOf(row));
      closable.set(key, (closable.get(key) ?? 0) - closing);
      blocked += marginOf(contract, side, product, remainingOf(row) - closing, terms.price);
    }
    return blocked;
  }
}
