// Orders, trades, positions and margins as the objects of Kite's API (kite.trade/docs/connect/v3/orders), prices in rupees.
import { istStamp } from '../expiry-calendar.ts';
import { type OrderQuote, type OrderRow, type OrderUpdate, remainingOf, type Trade } from './order.ts';
import { averageOf, netOf, type Position, type SegmentMargin } from './positions.ts';

function stampOf(timeMs: number | null): string | null {
  return timeMs === null ? null : istStamp(timeMs);
}

/** What the caller gave comes first; a protected market order is known by its tags only. */
export function tagsOf({ tag, terms }: OrderRow): string[] {
  const { protectedPercent: percent } = terms;
  const own = tag === null ? [] : [tag];
  return percent === undefined ? own : [...own, 'mktp', `mktp:${percent.toFixed(2)}`];
}

/** A row of GET /orders, and of an order's history. */
export function orderView(row: OrderRow, userId: string): object {
  const { contract, terms, filledQuantity } = row;
  const { divisor } = contract;
  const isPending = row.status !== 'CANCELLED' && row.status !== 'REJECTED';
  return {
    placed_by: userId,
    order_id: row.orderId,
    exchange_order_id: row.exchangeOrderId,
    parent_order_id: null,
    status: row.status,
    status_message: row.statusMessage,
    status_message_raw: row.statusMessage,
    order_timestamp: istStamp(row.orderedAtMs),
    exchange_update_timestamp: stampOf(row.updatedAtMs),
    exchange_timestamp: stampOf(row.exchangeAtMs),
    variety: row.variety,
    modified: row.isModified,
    exchange: contract.exchange,
    tradingsymbol: contract.tradingsymbol,
    instrument_token: contract.token,
    order_type: terms.orderType,
    transaction_type: row.side,
    validity: terms.validity,
    validity_ttl: terms.validityTtlMinutes,
    product: row.product,
    quantity: terms.quantity,
    disclosed_quantity: terms.disclosedQuantity,
    price: terms.price / divisor,
    trigger_price: terms.triggerPrice / divisor,
    auction_number: null,
    average_price: filledQuantity === 0 ? 0 : row.filledValue / filledQuantity / divisor,
    filled_quantity: filledQuantity,
    pending_quantity: isPending ? remainingOf(row) : 0,
    cancelled_quantity: row.cancelledQuantity,
    market_protection: 0,
    meta: {},
    tag: row.tag,
    tags: tagsOf(row),
    guid: `${row.orderId.slice(-5)}X${row.appId}`,
  };
}

/** What sockets and postbacks carry. The checksum signs the number and the time only, and sockets have none. */
export function updateView({ status, row }: OrderUpdate, userId: string, checksum = ''): object {
  return {
    ...orderView(row, userId),
    user_id: userId,
    app_id: 0,
    status,
    unfilled_quantity: status === 'CANCELLED' ? row.cancelledQuantity : 0,
    checksum,
  };
}

export function tradeView(trade: Trade): object {
  const { contract, tradedAtMs } = trade;
  const stamp = istStamp(tradedAtMs);
  return {
    trade_id: trade.tradeId,
    order_id: trade.orderId,
    exchange_order_id: trade.exchangeOrderId,
    tradingsymbol: contract.tradingsymbol,
    exchange: contract.exchange,
    instrument_token: contract.token,
    product: trade.product,
    transaction_type: trade.side,
    quantity: trade.quantity,
    average_price: trade.price / contract.divisor,
    fill_timestamp: stamp,
    // A time of day only.
    order_timestamp: stamp.slice(11),
    exchange_timestamp: stamp,
  };
}

export function positionView(position: Position, quote: OrderQuote | undefined): object {
  const { contract, product, buyQuantity, sellQuantity } = position;
  const { divisor } = contract;
  const quantity = netOf(position);
  const [buyValue, sellValue] = [position.buyValue / divisor, position.sellValue / divisor];
  const last = (quote?.last ?? averageOf(position)) / divisor;
  const pnl = sellValue - buyValue + quantity * last;
  const side = (prefix: string, units: number, value: number) => ({
    [`${prefix}_quantity`]: units,
    [`${prefix}_price`]: units === 0 ? 0 : value / units,
    [`${prefix}_value`]: value,
  });
  return {
    tradingsymbol: contract.tradingsymbol,
    exchange: contract.exchange,
    instrument_token: contract.token,
    product,
    quantity,
    overnight_quantity: 0,
    multiplier: 1,
    average_price: averageOf(position) / divisor,
    close_price: (quote?.close ?? 0) / divisor,
    last_price: last,
    value: sellValue - buyValue,
    pnl,
    m2m: pnl,
    unrealised: pnl,
    realised: 0,
    ...side('buy', buyQuantity, buyValue),
    buy_m2m: buyValue,
    ...side('sell', sellQuantity, sellValue),
    sell_m2m: sellValue,
    ...side('day_buy', buyQuantity, buyValue),
    ...side('day_sell', sellQuantity, sellValue),
  };
}

export function marginView({ opening, realised, unrealised, blocked, available }: SegmentMargin): object {
  return {
    enabled: true,
    net: available,
    available: {
      adhoc_margin: 0,
      cash: opening,
      opening_balance: opening,
      live_balance: available,
      collateral: 0,
      intraday_payin: 0,
    },
    utilised: {
      debits: blocked - realised,
      exposure: 0,
      m2m_realised: realised,
      m2m_unrealised: unrealised,
      option_premium: 0,
      payout: 0,
      span: blocked,
      holding_sales: 0,
      turnover: 0,
      liquid_collateral: 0,
      stock_collateral: 0,
      delivery: 0,
    },
  };
}
