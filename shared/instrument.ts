// Instruments: branded tokens, exchange segments, price divisors and the definition that travels with ticks.

declare const brand: unique symbol;
/** Kite's instrument token: exchange token << 8 | segment, a uint32 above zero. */
export type InstrumentToken = number & { readonly [brand]: 'InstrumentToken' };

/** The token if the value is an integer that can be one, else undefined. */
export function parseInstrumentToken(value: unknown): InstrumentToken | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  if (value < 1 || value > 0xffff_ffff) return undefined;
  return value as InstrumentToken;
}

/** Segment numbers of Kite's tokens (kite.trade/docs/connect/v3/websocket, and the three official clients). */
export const SEGMENT = {
  NSE: 1,
  NFO: 2,
  CDS: 3,
  BSE: 4,
  BFO: 5,
  BCD: 6,
  MCX: 7,
  MCXSX: 8,
  INDICES: 9,
} as const;

export function segmentOf(token: number): number {
  return token & 0xff;
}

export function isIndex(token: number): boolean {
  return (token & 0xff) === SEGMENT.INDICES;
}

/**
 * What a raw price of this token is divided by to give rupees. Currency derivatives carry seven decimals at NSE
 * and four at BSE, all others two, segments that no client names (12 occurs) included.
 */
export function priceDivisorOf(token: number): number {
  switch (token & 0xff) {
    case SEGMENT.CDS:
      return 10_000_000;
    case SEGMENT.BCD:
      return 10_000;
    default:
      return 100;
  }
}

/** What a client needs to read an instrument's ticks. Prices in rupees; `expiry` is a date in IST. */
export interface InstrumentDefinition {
  readonly instrument_token: InstrumentToken;
  readonly tradingsymbol: string;
  readonly exchange: string;
  readonly name?: string;
  readonly segment: string;
  readonly instrument_type: string;
  readonly expiry?: string;
  readonly strike?: number;
  readonly tick_size: number;
  readonly lot_size: number;
}

/** False when the token was given to another contract: exchanges use the tokens of expired ones again. */
export function isSameInstrument(a: InstrumentDefinition, b: InstrumentDefinition): boolean {
  return a.tradingsymbol === b.tradingsymbol && a.exchange === b.exchange && a.expiry === b.expiry;
}

/** False also when its tick or lot is another: whoever counts in them has to be told. */
export function isSameContract(a: InstrumentDefinition, b: InstrumentDefinition): boolean {
  return isSameInstrument(a, b) && a.tick_size === b.tick_size && a.lot_size === b.lot_size;
}
