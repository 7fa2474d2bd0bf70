// The five best levels of each side, written into a tick record without any state: a price level's quantity is a hash
// of the level and of the stretch of time that it lasts, so a book that moves by a tick shifts its levels along.
import { AT, DEPTH_LEVEL_BYTES, DEPTH_LEVELS } from '../../../shared/tick.ts';
import type { Contract } from './contract.ts';
import { mix, unitOf } from './random.ts';

/** Kite carries the number of orders as a uint16. */
const ORDERS_MAX = 0xffff;
/** Lots beyond the five levels, as multiples of one level's mean: least, and what comes and goes. */
const BEYOND_LEVELS_MIN = 20;
const BEYOND_LEVELS_RANGE = 20;

export interface DepthTuning {
  /** Ticks (of the instrument) that a level keeps its quantity and orders, on average. */
  readonly levelLifeTicks: number;
  /** Ticks that the total quantities keep their part beyond the five levels. */
  readonly totalLifeTicks: number;
}

const SELL_AT = AT.depth + DEPTH_LEVELS * DEPTH_LEVEL_BYTES;

/** Lots with mean `1 + mean`, small ones most often. */
export function lotsOf(mean: number, hash: number): number {
  const unit = unitOf(hash);
  return 1 + Math.floor(3 * mean * unit * unit);
}

/** Writes one level and returns its quantity; a price of 0 writes an empty level. */
function writeLevel(
  view: DataView,
  at: number,
  price: number,
  contract: Contract,
  tickNumber: number,
  lifeTicks: number,
): number {
  if (price <= 0) {
    for (let offset = 0; offset < DEPTH_LEVEL_BYTES; offset += 4) view.setUint32(at + offset, 0, true);
    return 0;
  }
  const level = mix(contract.key, price);
  // Each level changes at its own moment.
  const stretch = Math.floor((tickNumber + (level % 1_024)) / lifeTicks);
  const hash = mix(level, stretch);
  const lots = lotsOf(contract.liquidity.levelLots, hash);
  const quantity = lots * contract.lot;
  const orders = 1 + Math.floor(unitOf(mix(hash, 1)) * lots);
  view.setUint32(at, quantity, true);
  view.setUint32(at + 4, price, true);
  view.setUint32(at + 8, Math.min(orders, ORDERS_MAX), true);
  return quantity;
}

/**
 * Writes depth and total quantities of the record at byte `at`. Levels below one tick do not exist and stay empty.
 * @param bid best bid in raw units, on the tick grid, at least one tick
 * @param ask best ask in raw units, on the tick grid, above the bid
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
  const gap = contract.gapTicks * contract.tick;
  const life = tuning.levelLifeTicks;
  let buyQuantity = writeLevel(view, at + AT.depth, bid, contract, tickNumber, life);
  let sellQuantity = writeLevel(view, at + SELL_AT, ask, contract, tickNumber, life);
  // Deeper levels lie on a grid of their own, so that they stay where they are when the best price moves.
  let bidPrice = Math.floor((bid - 1) / gap) * gap;
  let askPrice = (Math.floor(ask / gap) + 1) * gap;
  for (let level = 1; level < DEPTH_LEVELS; level++) {
    const offset = level * DEPTH_LEVEL_BYTES;
    buyQuantity += writeLevel(view, at + AT.depth + offset, bidPrice, contract, tickNumber, life);
    sellQuantity += writeLevel(view, at + SELL_AT + offset, askPrice, contract, tickNumber, life);
    bidPrice -= gap;
    askPrice += gap;
  }
  const stretch = Math.floor((tickNumber + (contract.key % 1_024)) / tuning.totalLifeTicks);
  view.setUint32(at + AT.buyQuantity, buyQuantity + beyond(contract, stretch, 21), true);
  view.setUint32(at + AT.sellQuantity, sellQuantity + beyond(contract, stretch, 22), true);
}

function beyond(contract: Contract, stretch: number, salt: number): number {
  const levels = BEYOND_LEVELS_MIN + BEYOND_LEVELS_RANGE * unitOf(mix(contract.key ^ salt, stretch));
  return contract.lot * Math.floor(contract.liquidity.levelLots * levels);
}
