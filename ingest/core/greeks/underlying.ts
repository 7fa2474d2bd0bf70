// Which instrument shows the price of an option's underlying.
import { SEGMENT } from '../../../shared/instrument.ts';

/** Indices go by another name as instruments than in the names of their contracts. */
const INDEX_SYMBOLS: ReadonlyMap<string, string> = new Map([
  ['NFO:NIFTY', 'NIFTY 50'],
  ['NFO:BANKNIFTY', 'NIFTY BANK'],
  ['NFO:FINNIFTY', 'NIFTY FIN SERVICE'],
  ['NFO:MIDCPNIFTY', 'NIFTY MID SELECT'],
  ['NFO:NIFTYNXT50', 'NIFTY NEXT 50'],
  ['BFO:SENSEX50', 'SNSX50'],
]);

/** Currencies and commodities have no instrument of their own: their futures are the underlying. */
const SPOT_EXCHANGES: ReadonlyMap<string, string> = new Map([
  ['NFO', 'NSE'],
  ['BFO', 'BSE'],
]);

const SEGMENTS: ReadonlyMap<string, number> = new Map([
  ['NFO', SEGMENT.NFO],
  ['BFO', SEGMENT.BFO],
  ['CDS', SEGMENT.CDS],
  ['BCD', SEGMENT.BCD],
  ['MCX', SEGMENT.MCX],
]);

/** The segment of the exchange's options; undefined for one without. */
export function optionSegmentOf(exchange: string): number | undefined {
  return SEGMENTS.get(exchange);
}

export interface SpotSymbol {
  readonly exchange: string;
  readonly tradingsymbol: string;
}

/** Index or share that the exchange's contracts on `name` are about; undefined where only futures are. */
export function spotSymbolOf(exchange: string, name: string): SpotSymbol | undefined {
  const spotExchange = SPOT_EXCHANGES.get(exchange);
  if (spotExchange === undefined) return undefined;
  return { exchange: spotExchange, tradingsymbol: INDEX_SYMBOLS.get(`${exchange}:${name}`) ?? name };
}
