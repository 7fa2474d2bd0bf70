// An instrument's own scale: rows count prices in ticks and quantities in lots.
import { type InstrumentDefinition, priceDivisorOf } from '../instrument.ts';

export interface Scale {
  /** Raw price of one tick, quantity of one lot: whole numbers from 1 to 2^31 - 1. */
  readonly tick: number;
  readonly lot: number;
  /** Their lengths in bits. */
  readonly tickBits: number;
  readonly lotBits: number;
  readonly perTick: number;
  readonly perLot: number;
}

/** How many bits a number below 2^32 has: 0 for 0. */
export function bitLength(value: number): number {
  return 32 - Math.clz32(value);
}

/** `tick` and `lot` as a scale; whatever cannot be one counts as 1, which fits every value. */
export function scaleOf(tick: number, lot: number): Scale {
  const whole = (unit: number) => (Number.isInteger(unit) && unit >= 1 && unit <= 0x7fff_ffff ? unit : 1);
  const [ticks, lots] = [whole(tick), whole(lot)];
  return {
    tick: ticks,
    lot: lots,
    tickBits: bitLength(ticks),
    lotBits: bitLength(lots),
    perTick: 1 / ticks,
    perLot: 1 / lots,
  };
}

export function scaleOfInstrument(definition: InstrumentDefinition): Scale {
  const tick = Math.round(definition.tick_size * priceDivisorOf(definition.instrument_token));
  return scaleOf(tick, definition.lot_size);
}

/** For rows with a value that is no multiple of its instrument's tick or lot. */
export const UNIT_SCALE = scaleOf(1, 1);
