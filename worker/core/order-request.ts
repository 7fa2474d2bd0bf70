// Whether an order request can be meant: against the instrument's row of today's list, before anybody at Kite sees it.
import { ORDER_PRICE_RUPEES_MAX } from '../../shared/limits.ts';
import type { ModifyRequest, OrderType, PlaceRequest } from '../../shared/order.ts';

/** What the list says of an instrument, in its own units: rupees, and units per lot. */
export interface OrderInstrument {
  readonly tradingsymbol: string;
  readonly exchange: string;
  readonly segment: string;
  /** YYYY-MM-DD. */
  readonly expiry: string | null;
  readonly tick_size: number;
  readonly lot_size: number;
}

/** What is wrong with a request, said of one field. */
export interface OrderFault {
  readonly field: string;
  readonly value: unknown;
  readonly message: string;
}

type Fault = OrderFault | undefined;

const CASH: readonly string[] = ['NSE', 'BSE'];
/** Decimals that any price or tick has at most: those of currencies have four. */
const DECIMALS = 7;
const DECIMAL_TEXT = /^(\d+)(?:\.(\d+))?$/;

/** The number as a whole one of 10^-7 rupees, by its shortest text: arithmetic in floats would lose ticks. */
function scaled(value: number): bigint | undefined {
  const [, whole, fraction = ''] = DECIMAL_TEXT.exec(String(value)) ?? [];
  if (whole === undefined || fraction.length > DECIMALS) return undefined;
  return BigInt(whole + fraction.padEnd(DECIMALS, '0'));
}

/** True when `price` is a whole number of ticks, exactly. */
export function isOnTick(price: number, tickSize: number): boolean {
  const [units, tick] = [scaled(price), scaled(tickSize)];
  return units !== undefined && tick !== undefined && tick > 0n && units % tick === 0n;
}

/** The first of the faults, in the order of the request's fields. */
function firstOf(checks: readonly (() => Fault)[]): Fault {
  for (const check of checks) {
    const fault = check();
    if (fault) return fault;
  }
  return undefined;
}

const needsPrice = (type: OrderType) => type === 'LIMIT' || type === 'SL';
const needsTrigger = (type: OrderType) => type === 'SL' || type === 'SL-M';
const needsProtection = (type: OrderType) => type === 'MARKET' || type === 'SL-M';

function faultOfPrice(field: 'price' | 'trigger_price', value: number, tickSize: number | undefined): Fault {
  if (!(value > 0)) return { field, value, message: 'must be above 0' };
  if (value > ORDER_PRICE_RUPEES_MAX) {
    return { field, value, message: `must be at most ${ORDER_PRICE_RUPEES_MAX} rupees` };
  }
  if (tickSize === undefined) {
    return scaled(value) === undefined
      ? { field, value, message: `must have at most ${DECIMALS} decimals` }
      : undefined;
  }
  if (isOnTick(value, tickSize)) return undefined;
  return { field, value, message: `must be a multiple of the tick ${tickSize}` };
}

/** A field that has to be there, or must not be. */
function faultOfPresence(field: string, value: unknown, isNeeded: boolean, of: string): Fault {
  if (isNeeded === (value !== undefined)) return undefined;
  return { field, value, message: isNeeded ? `is required of ${of}` : `is not for ${of}` };
}

/** One that Kite, too, would read as above 0: with the decimals of a price, and without an exponent. */
const isPerCent = (value: number) => value > 0 && value <= 100 && scaled(value) !== undefined;

function faultOfProtection(value: number | undefined, type: OrderType | undefined): Fault {
  const field = 'market_protection';
  if (type !== undefined && !needsProtection(type)) {
    return faultOfPresence(field, value, false, `${type} orders`);
  }
  if (value === undefined ? type === undefined : value === -1 || isPerCent(value)) return undefined;
  const range = '-1, which leaves it to Kite, or per cent above 0 up to 100';
  return { field, value, message: type ? `is required of ${type} orders: ${range}` : `must be ${range}` };
}

function faultOfLots(field: string, value: number | undefined, lotSize: number | undefined): Fault {
  if (value === undefined || lotSize === undefined || value % lotSize === 0) return undefined;
  return { field, value, message: `must be a multiple of the lot ${lotSize}` };
}

function faultOfInstrument(instrument: OrderInstrument, today: string): Fault {
  const { tradingsymbol: value, segment, expiry, lot_size: lotSize, tick_size: tickSize } = instrument;
  const field = 'tradingsymbol';
  if (segment === 'INDICES' || lotSize <= 0 || tickSize <= 0) {
    return { field, value, message: 'is an index, which cannot be traded' };
  }
  if (expiry !== null && expiry < today) return { field, value, message: `has expired on ${expiry}` };
  return undefined;
}

function faultOfProduct({ product, exchange }: PlaceRequest): Fault {
  const isForCash = product === 'CNC' || product === 'MTF';
  const isCash = CASH.includes(exchange);
  if (isForCash && !isCash) {
    return { field: 'product', value: product, message: `is for NSE and BSE, not for ${exchange}` };
  }
  if (product === 'NRML' && isCash) {
    return { field: 'product', value: product, message: `is for derivatives, not for ${exchange}` };
  }
  return undefined;
}

function faultOfTrigger(request: PlaceRequest, tickSize: number): Fault {
  const { order_type: type, trigger_price: trigger, price, transaction_type: side } = request;
  const fault = faultOfPresence('trigger_price', trigger, needsTrigger(type), `${type} orders`);
  if (fault || trigger === undefined) return fault;
  const ownFault = faultOfPrice('trigger_price', trigger, tickSize);
  if (ownFault || type !== 'SL' || price === undefined) return ownFault;
  const isBeyond = side === 'BUY' ? trigger > price : trigger < price;
  if (!isBeyond) return undefined;
  const bound = side === 'BUY' ? 'at most' : 'at least';
  return {
    field: 'trigger_price',
    value: trigger,
    message: `must be ${bound} the price ${price} to ${side}`,
  };
}

function faultOfValidity({ validity, validity_ttl: minutes, exchange }: PlaceRequest): Fault {
  if (validity === 'IOC' && exchange === 'MCX') {
    return { field: 'validity', value: validity, message: 'is not taken on MCX' };
  }
  return faultOfPresence('validity_ttl', minutes, validity === 'TTL', `validity ${validity}`);
}

function faultOfDisclosed(value: number | undefined, quantity: number | undefined, lot?: number): Fault {
  const field = 'disclosed_quantity';
  if (value !== undefined && quantity !== undefined && value > quantity) {
    return { field, value, message: `must be at most the quantity ${quantity}` };
  }
  return faultOfLots(field, value, lot);
}

/** The first thing that is wrong with the request; `today` is the day in India, YYYY-MM-DD. */
export function faultOfPlace(request: PlaceRequest, instrument: OrderInstrument, today: string): Fault {
  const { order_type: type, price, quantity } = request;
  const { tick_size: tickSize, lot_size: lotSize } = instrument;
  return firstOf([
    () => faultOfInstrument(instrument, today),
    () => faultOfProduct(request),
    () => faultOfLots('quantity', quantity, lotSize),
    () => faultOfPresence('price', price, needsPrice(type), `${type} orders`),
    () => (price === undefined ? undefined : faultOfPrice('price', price, tickSize)),
    () => faultOfTrigger(request, tickSize),
    () => faultOfProtection(request.market_protection, type),
    () => faultOfValidity(request),
    () => faultOfDisclosed(request.disclosed_quantity, quantity, lotSize),
  ]);
}

/**
 * The same of a change. What it does not name stays as it is at Kite, which nobody here knows for sure: so each field counts
 * for itself. `instrument` is undefined where the order was not placed here.
 */
export function faultOfModify(request: ModifyRequest, instrument: OrderInstrument | undefined): Fault {
  const { variety, order_id: _order, parent_order_id: _parent, ...changes } = request;
  const {
    order_type: type,
    price,
    trigger_price: trigger,
    quantity,
    market_protection: protection,
  } = changes;
  const { tick_size: tickSize, lot_size: lotSize } = instrument ?? {};
  return firstOf([
    () =>
      Object.keys(changes).length > 0
        ? undefined
        : { field: 'body', value: { variety }, message: 'names nothing to change' },
    () => faultOfLots('quantity', quantity, lotSize),
    () => (type && !needsPrice(type) ? faultOfPresence('price', price, false, `${type} orders`) : undefined),
    () => (price === undefined ? undefined : faultOfPrice('price', price, tickSize)),
    () => (trigger === undefined ? undefined : faultOfPrice('trigger_price', trigger, tickSize)),
    () => faultOfProtection(protection, type),
    () => faultOfDisclosed(changes.disclosed_quantity, quantity, lotSize),
    () =>
      changes.validity === 'IOC' && instrument?.exchange === 'MCX'
        ? { field: 'validity', value: 'IOC', message: 'is not taken on MCX' }
        : undefined,
  ]);
}
