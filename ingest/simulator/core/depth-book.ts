// The five best levels of each side, written into a tick record without any state: a price level's quantity is a hash
// of the level and of the stretch of time that it lasts, so a book that moves takes its levels along.
import { AT, DEPTH_LEVEL_BYTES, DEPTH_LEVELS } from '../../../shared/tick.ts';
import type { Contract } from './contract.ts';
import { manyOnceInAWhile, mix, unitOf } from './random.ts';

/** Kite carries the number of orders as a uint16. */
const ORDERS_MAX = 0xffff;

export interface DepthTuning {
  /** Ticks (of the instrument) that a level keeps its quantity and orders, on average; it changes with its book only. */
  readonly levelLifeTicks: number;
  /** Mean lots of one order. */
  readonly orderLots: number;
  /**
   * Lots beyond the five levels, as multiples of one level's mean: least and most that an instrument has all day, and
   * what comes and goes with each change of its book.
   */
  readonly beyondMin: number;
  readonly beyondMax: number;
  readonly beyondChange: number;
}

const PRICE_AT = 4;
const ORDERS_AT = 8;
const SELL_AT = AT.depth + DEPTH_LEVELS * DEPTH_LEVEL_BYTES;

/** Best bid of the record at byte `at`, in raw units. */
export function bestBidOf(view: DataView, at: number): number {
  return view.getUint32(at + AT.depth + PRICE_AT, true);
}

export function bestAskOf(view: DataView, at: number): number {
  return view.getUint32(at + SELL_AT + PRICE_AT, true);
}

/** Writes one level and returns its quantity; a price of 0 or less writes an empty level. */
function writeLevel(
  view: DataView,
  at: number,
  price: number,
  contract: Contract,
  tickNumber: number,
  tuning: DepthTuning,
): number {
  if (price <= 0) {
    for (let offset = 0; offset < DEPTH_LEVEL_BYTES; offset += 4) view.setUint32(at + offset, 0, true);
    return 0;
  }
  const level = mix(contract.key, price);
  // Each level changes at its own moment.
  const stretch = Math.floor((tickNumber + (level % 1_024)) / tuning.levelLifeTicks);
  const hash = mix(level, stretch);
  const unit = unitOf(hash);
  const lots = 1 + Math.floor(3 * contract.liquidity.levelLots * unit * unit);
  const orders = Math.floor((lots / tuning.orderLots) * (0.5 + unitOf(mix(hash, 1))));
  view.setUint32(at, lots * contract.lot, true);
  view.setUint32(at + PRICE_AT, price, true);
  view.setUint32(at + ORDERS_AT, Math.max(1, Math.min(orders, ORDERS_MAX)), true);
  return lots * contract.lot;
}

/** Writes one side from the best price away from the other side (`step`: a tick, negative for bids). Returns its quantity. */
function writeSide(
  view: DataView,
  at: number,
  best: number,
  step: number,
  contract: Contract,
  tickNumber: number,
  tuning: DepthTuning,
): number {
  let quantity = 0;
  let price = best;
  for (let level = 0; level < DEPTH_LEVELS; level++) {
    quantity += writeLevel(view, at + level * DEPTH_LEVEL_BYTES, price, contract, tickNumber, tuning);
    // What comes next depends on the price alone, so that the levels stay where they are when the best price moves.
    price += step * (1 + manyOnceInAWhile(contract.gapTicks, mix(contract.key ^ 23, price)));
  }
  return quantity;
}

/**
 * Writes depth and total quantities of the record at byte `at`. Levels below one tick do not exist and stay empty.
 * @param bid best bid in raw units, on the tick grid, at least one tick
 * @param ask best ask in raw units, on the tick grid, above the bid
 * @param tickNumber of the tick in which the book changed
 */
export function writeDepth(
  view: DataView,
  at: number,
  contract: Contract,
  bid: number,
  ask: number,
  tickNumber: number,
  tuning: DepthTuning,
): void {
  const { tick } = contract;
  const bought = writeSide(view, at + AT.depth, bid, -tick, contract, tickNumber, tuning);
  const sold = writeSide(view, at + SELL_AT, ask, tick, contract, tickNumber, tuning);
  view.setUint32(at + AT.buyQuantity, bought + beyond(contract, tickNumber, 21, tuning), true);
  view.setUint32(at + AT.sellQuantity, sold + beyond(contract, tickNumber, 22, tuning), true);
}

function beyond(contract: Contract, tickNumber: number, salt: number, tuning: DepthTuning): number {
  const { beyondMin, beyondMax, beyondChange } = tuning;
  const key = contract.key ^ salt;
  const stays = beyondMin + (beyondMax - beyondMin) * unitOf(mix(key, 0));
  const levels = stays + beyondChange * unitOf(mix(key, tickNumber));
  return contract.lot * Math.floor(contract.liquidity.levelLots * levels);
}
