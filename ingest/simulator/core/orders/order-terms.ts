// From what a caller asks for to the terms that stand at the exchange: whole prices on the tick grid, or a refusal.
import { SIMULATOR_ORDER_QUANTITY_MAX } from '../../../../shared/limits.ts';
import type { OrderChanges, OrderContract, OrderQuote, OrderTerms, OrderType, Side } from './order.ts';
import { inputRefusal, NO_PROTECTION, type OrderRefusal } from './order-refusal.ts';

export interface TermsAsked extends OrderChanges {
  readonly quantity: number;
  readonly orderType: OrderType;
}

/** A fraction of a raw unit that is of floating point, not of the caller. */
const RAW_SLACK = 1e-4;
const PROTECTION_AUTOMATIC = -1;
const PROTECTION_PERCENT_MAX = 100;

/** The price in raw units, or a refusal that names the field. */
function rawPrice(field: string, rupees: number | undefined, contract: OrderContract): number | OrderRefusal {
  if (rupees === undefined || !(rupees > 0) || !Number.isFinite(rupees))
    return inputRefusal(`Invalid \`${field}\`.`);
  const exact = rupees * contract.divisor;
  const raw = Math.round(exact);
  if (Math.abs(exact - raw) > RAW_SLACK || raw % contract.tick !== 0)
    return inputRefusal(
      `Tick size for this script is ${(contract.tick / contract.divisor).toFixed(2)}. Kindly enter ${field} in the multiple of tick size.`,
    );
  return raw;
}

function checkQuantity(quantity: number, { lot }: OrderContract): OrderRefusal | undefined {
  if (!Number.isSafeInteger(quantity) || quantity < 1) return inputRefusal('Invalid `quantity`.');
  if (quantity > SIMULATOR_ORDER_QUANTITY_MAX)
    return inputRefusal(`Quantity exceeds the limit of ${SIMULATOR_ORDER_QUANTITY_MAX} per order.`);
  if (quantity % lot !== 0) return inputRefusal(`Quantity should be multiple of ${lot}.`);
  return undefined;
}

/** The percentage that protects a MARKET or SL-M order; 0 and none at all are refused since April 2026. */
function protectionOf(percent: number | undefined, automaticPercent: number): number | OrderRefusal {
  if (percent === PROTECTION_AUTOMATIC) return automaticPercent;
  if (percent === undefined || percent === 0) return NO_PROTECTION;
  if (!(percent > 0 && percent <= PROTECTION_PERCENT_MAX))
    return inputRefusal('Invalid `market_protection`.');
  return percent;
}

/** The worst price that a protected order may trade at, on the tick grid and one tick at least. */
function protectedPrice(from: number, percent: number, side: Side, tick: number): number {
  const worst = side === 'BUY' ? from * (1 + percent / 100) : from * (1 - percent / 100);
  const ticks = side === 'BUY' ? Math.floor(worst / tick) : Math.ceil(worst / tick);
  return Math.max(1, ticks) * tick;
}

function checkTrigger(
  side: Side,
  trigger: number,
  price: number,
  quote: OrderQuote,
): OrderRefusal | undefined {
  if (side === 'BUY') {
    if (trigger <= quote.last)
      return inputRefusal(
        'Trigger price for stoploss buy orders should be higher than the last traded price.',
      );
    if (price < trigger) return inputRefusal('Trigger price cannot be higher than the limit price (buy).');
    return undefined;
  }
  if (trigger >= quote.last)
    return inputRefusal('Trigger price for stoploss sell orders should be lower than the last traded price.');
  if (price > trigger) return inputRefusal('Trigger price cannot be lower than the limit price (sell).');
  return undefined;
}

function checkValidity(asked: TermsAsked, { exchange }: OrderContract): OrderRefusal | undefined {
  if (asked.validity === 'IOC' && exchange === 'MCX') return inputRefusal('IOC is not allowed for MCX.');
  const minutes = asked.validityTtlMinutes;
  if (asked.validity === 'TTL' && !(minutes !== undefined && Number.isInteger(minutes) && minutes >= 1))
    return inputRefusal('Invalid `validity_ttl`.');
  return undefined;
}

interface Prices {
  readonly orderType: 'LIMIT' | 'SL';
  readonly price: number;
  readonly triggerPrice: number;
  readonly protectedPercent?: number;
}

function isRefusal(value: number | OrderRefusal): value is OrderRefusal {
  return typeof value === 'object';
}

function pricesOf(
  asked: TermsAsked,
  side: Side,
  contract: OrderContract,
  quote: OrderQuote,
  automaticPercent: number,
): Prices | OrderRefusal {
  const hasTrigger = asked.orderType === 'SL' || asked.orderType === 'SL-M';
  const trigger = hasTrigger ? rawPrice('trigger_price', asked.triggerPrice, contract) : 0;
  if (isRefusal(trigger)) return trigger;
  const isProtected = asked.orderType === 'MARKET' || asked.orderType === 'SL-M';
  const percent = isProtected ? protectionOf(asked.marketProtection, automaticPercent) : 0;
  if (isRefusal(percent)) return percent;
  const price = isProtected
    ? protectedPrice(hasTrigger ? trigger : quote.last, percent, side, contract.tick)
    : rawPrice('price', asked.price, contract);
  if (isRefusal(price)) return price;
  const refusal = hasTrigger ? checkTrigger(side, trigger, price, quote) : undefined;
  if (refusal !== undefined) return refusal;
  return {
    orderType: hasTrigger ? 'SL' : 'LIMIT',
    price,
    triggerPrice: trigger,
    ...(isProtected ? { protectedPercent: percent } : {}),
  };
}

/** The terms, or why Kite's own checks refuse them: nothing of a refused order is kept anywhere. */
export function readTerms(
  asked: TermsAsked,
  side: Side,
  contract: OrderContract,
  quote: OrderQuote,
  automaticPercent: number,
): { readonly terms: OrderTerms } | { readonly refusal: OrderRefusal } {
  const refusal = checkQuantity(asked.quantity, contract) ?? checkValidity(asked, contract);
  if (refusal !== undefined) return { refusal };
  const prices = pricesOf(asked, side, contract, quote, automaticPercent);
  if ('errorType' in prices) return { refusal: prices };
  const disclosedQuantity = asked.disclosedQuantity ?? 0;
  if (!(Number.isInteger(disclosedQuantity) && disclosedQuantity >= 0 && disclosedQuantity <= asked.quantity))
    return { refusal: inputRefusal('Invalid `disclosed_quantity`.') };
  return {
    terms: {
      ...prices,
      quantity: asked.quantity,
      validity: asked.validity ?? 'DAY',
      validityTtlMinutes: asked.validity === 'TTL' ? (asked.validityTtlMinutes ?? 0) : 0,
      disclosedQuantity,
    },
  };
}
