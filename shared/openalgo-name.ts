// What OpenAlgo's clients call an instrument: symbol and exchange, derived from Kite's list (docs.openalgo.in/symbol-format).
import type { InstrumentDefinition } from './instrument.ts';

/** Both are case-sensitive, and together they are what such a client subscribes to. */
export interface OpenAlgoName {
  readonly symbol: string;
  readonly exchange: string;
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

/** Exchanges whose indices are listed apart from what they trade. */
const INDEX_EXCHANGES: ReadonlySet<string> = new Set(['NSE', 'BSE', 'MCX', 'CDS']);
/** Kite's exchanges of indices from abroad; NSEIX has GIFT NIFTY. */
const GLOBAL_EXCHANGES: ReadonlySet<string> = new Set(['GLOBAL', 'NSEIX']);

/** Indices of NSE that go by another name than Kite's. */
const NSE_NICKNAMES: ReadonlyMap<string, string> = new Map([
  ['NIFTY 50', 'NIFTY'],
  ['NIFTY BANK', 'BANKNIFTY'],
  ['NIFTY FIN SERVICE', 'FINNIFTY'],
  ['NIFTY MID SELECT', 'MIDCPNIFTY'],
  ['NIFTY NEXT 50', 'NIFTYNXT50'],
]);

/** Indices that lose Kite's blanks and hyphens. Those that are not listed keep Kite's name as it is. */
const WITHOUT_BLANKS: ReadonlySet<string> = new Set(
  `INDIAVIX HANGSENGBEESNAV GIFTNIFTY NIFTY100 NIFTY200 NIFTY500 NIFTYALPHA50 NIFTYAUTO NIFTYCOMMODITIES
  NIFTYCONSUMPTION NIFTYCPSE NIFTYDIVOPPS50 NIFTYENERGY NIFTYFMCG NIFTYGROWSECT15 NIFTYGS10YR NIFTYGS10YRCLN
  NIFTYGS1115YR NIFTYGS15YRPLUS NIFTYGS48YR NIFTYGS813YR NIFTYGSCOMPSITE NIFTYINFRA NIFTYIT NIFTYMEDIA NIFTYMETAL
  NIFTYMIDLIQ15 NIFTYMIDCAP50 NIFTYMIDCAP100 NIFTYMIDCAP150 NIFTYMIDSML400 NIFTYMNC NIFTYPHARMA NIFTYPSE
  NIFTYPSUBANK NIFTYPVTBANK NIFTYREALTY NIFTYSERVSECTOR NIFTYSMLCAP50 NIFTYSMLCAP100 NIFTYSMLCAP250
  NIFTY100EQLWGT NIFTY100LIQ15 NIFTY100LOWVOL30 NIFTY100QUALTY30 NIFTY200QUALTY30 NIFTY50DIVPOINT NIFTY50EQLWGT
  NIFTY50PR1XINV NIFTY50PR2XLEV NIFTY50TR1XINV NIFTY50TR2XLEV NIFTY50VALUE20`.split(/\s+/),
);

/** Indices of BSE by Kite's short names. */
const BSE_NAMES: ReadonlyMap<string, string> = new Map([
  ['AUTO', 'BSEAUTO'],
  ['BSE CD', 'BSECONSUMERDURABLES'],
  ['BSE CG', 'BSECAPITALGOODS'],
  ['BSE HC', 'BSEHEALTHCARE'],
  ['BSE IT', 'BSEINFORMATIONTECHNOLOGY'],
  ['BSE SME IPO', 'BSESMEIPO'],
  ['BSEFMC', 'BSEFASTMOVINGCONSUMERGOODS'],
  ['CARBON', 'BSECARBONEX'],
  ['CPSE', 'BSECPSE'],
  ['DOL100', 'BSEDOLLEX100'],
  ['DOL200', 'BSEDOLLEX200'],
  ['DOL30', 'BSEDOLLEX30'],
  ['ENERGY', 'BSEENERGY'],
  ['FINANCIAL SERVICES', 'BSEFINANCIALSERVICES'],
  ['FINSER', 'BSEFINANCIALSERVICES'],
  ['GREENX', 'BSEGREENEX'],
  ['INDSTR', 'BSEINDUSTRIALS'],
  ['INFRA', 'BSEINDIAINFRASTRUCTUREINDEX'],
  ['LMI250', 'BSE250LARGEMIDCAPINDEX'],
  ['LRGCAP', 'BSELARGECAP'],
  ['METAL', 'BSEMETAL'],
  ['METALINDEX', 'BSEMETAL'],
  ['MID150', 'BSE150MIDCAPINDEX'],
  ['MIDCAP', 'BSEMIDCAP'],
  ['MIDSEL', 'BSEMIDCAPSELECTINDEX'],
  ['MSL400', 'BSE400MIDSMALLCAPINDEX'],
  ['OILGAS', 'BSEOIL&GAS'],
  ['POWER', 'BSEPOWER'],
  ['REALTY', 'BSEREALTY'],
  ['SMEIPO', 'BSESMEIPO'],
  ['SMLCAP', 'BSESMALLCAP'],
  ['SMLSEL', 'BSESMALLCAPSELECTINDEX'],
  ['SNSX50', 'SENSEX50'],
  ['SNXT50', 'BSESENSEXNEXT50'],
  ['TECK', 'BSETECK'],
  ['TELCOM', 'BSETELECOM'],
]);

/** `24NOV26` for `2026-11-24`. */
function expiryCode(expiry: string): string {
  return `${expiry.slice(8)}${MONTHS[Number(expiry.slice(5, 7)) - 1]}${expiry.slice(2, 4)}`;
}

function indexSymbol({ exchange, tradingsymbol }: InstrumentDefinition): string {
  if (exchange === 'BSE') return BSE_NAMES.get(tradingsymbol) ?? tradingsymbol;
  const nickname = NSE_NICKNAMES.get(tradingsymbol);
  if (nickname !== undefined) return nickname;
  const joined = tradingsymbol.replace(/[ -]/g, '');
  return WITHOUT_BLANKS.has(joined) ? joined : tradingsymbol;
}

function symbolOf(definition: InstrumentDefinition): string {
  const { segment, instrument_type: type, tradingsymbol, name, expiry, strike } = definition;
  if (segment === 'INDICES') return indexSymbol(definition);
  // Kite's older lists name no underlying: then there is nothing better than the symbol itself.
  if (name === undefined || expiry === undefined) return tradingsymbol;
  if (type === 'FUT') return `${name}${expiryCode(expiry)}FUT`;
  if (type === 'CE' || type === 'PE') return `${name}${expiryCode(expiry)}${strike ?? 0}${type}`;
  return tradingsymbol;
}

function exchangeOf({ segment, exchange }: InstrumentDefinition): string {
  if (GLOBAL_EXCHANGES.has(exchange)) return 'GLOBAL_INDEX';
  return segment === 'INDICES' && INDEX_EXCHANGES.has(exchange) ? `${exchange}_INDEX` : exchange;
}

/**
 * The instrument's name in OpenAlgo's words. Contracts are named by underlying, expiry (DDMMMYY), strike and type,
 * shares by Kite's symbol. The way back is the database's: `tokensOfOpenAlgoNames` in the Worker's store.
 */
export function openAlgoNameOf(definition: InstrumentDefinition): OpenAlgoName {
  return { symbol: symbolOf(definition), exchange: exchangeOf(definition) };
}
