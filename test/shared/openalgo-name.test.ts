import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listInstruments } from '../../ingest/simulator/core/instrument-list.ts';
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { openAlgoNameOf } from '../../shared/openalgo-name.ts';
import { definitionOf } from '../support/records.ts';

const nameOf = (parts: Partial<InstrumentDefinition>) => {
  const { exchange, symbol } = openAlgoNameOf({ ...definitionOf(257), ...parts });
  return `${exchange}:${symbol}`;
};

const contract = (exchange: string, name: string, expiry: string, type: string, strike?: number) =>
  nameOf({
    tradingsymbol: 'KITES OWN',
    exchange,
    segment: `${exchange}-X`,
    instrument_type: type,
    name,
    expiry,
    ...(strike === undefined ? {} : { strike }),
  });

test.each([
  ['NFO:BANKNIFTY24APR24FUT', contract('NFO', 'BANKNIFTY', '2024-04-24', 'FUT')],
  ['BFO:SENSEX26APR24FUT', contract('BFO', 'SENSEX', '2024-04-26', 'FUT')],
  ['CDS:USDINR10MAY24FUT', contract('CDS', 'USDINR', '2024-05-10', 'FUT')],
  ['MCX:CRUDEOILM20MAY24FUT', contract('MCX', 'CRUDEOILM', '2024-05-20', 'FUT')],
  ['CDS:726GS203325APR24FUT', contract('CDS', '726GS2033', '2024-04-25', 'FUT')],
  ['NFO:NIFTY28MAR2420800CE', contract('NFO', 'NIFTY', '2024-03-28', 'CE', 20_800)],
  ['NFO:VEDL25APR24292.5CE', contract('NFO', 'VEDL', '2024-04-25', 'CE', 292.5)],
  ['CDS:USDINR19APR2482CE', contract('CDS', 'USDINR', '2024-04-19', 'CE', 82)],
  ['CDS:USDINR19APR2482.25PE', contract('CDS', 'USDINR', '2024-04-19', 'PE', 82.25)],
  ['MCX:CRUDEOIL17APR246750CE', contract('MCX', 'CRUDEOIL', '2024-04-17', 'CE', 6_750)],
  ['NCO:COPPER26MAY261195CE', contract('NCO', 'COPPER', '2026-05-26', 'CE', 1_195)],
])('contracts: %s', (expected, name) => expect(name).toBe(expected));

test.each([
  ['NSE', 'INFY', 'NSE:INFY'],
  ['NSE', 'M&M', 'NSE:M&M'],
  ['BSE', 'CENTRALBK-BE', 'BSE:CENTRALBK-BE'],
])('shares keep their symbol: %s %s', (exchange, tradingsymbol, expected) =>
  expect(nameOf({ exchange, tradingsymbol, segment: exchange, name: 'A NAME' })).toBe(expected),
);

test.each([
  ['NSE', 'NIFTY 50', 'NSE_INDEX:NIFTY'],
  ['NSE', 'NIFTY BANK', 'NSE_INDEX:BANKNIFTY'],
  ['NSE', 'NIFTY FIN SERVICE', 'NSE_INDEX:FINNIFTY'],
  ['NSE', 'NIFTY MID SELECT', 'NSE_INDEX:MIDCPNIFTY'],
  ['NSE', 'NIFTY NEXT 50', 'NSE_INDEX:NIFTYNXT50'],
  ['NSE', 'INDIA VIX', 'NSE_INDEX:INDIAVIX'],
  ['NSE', 'NIFTY GS 11 15YR', 'NSE_INDEX:NIFTYGS1115YR'],
  ['NSE', 'NIFTY100 LOWVOL30', 'NSE_INDEX:NIFTY100LOWVOL30'],
  ['NSE', 'HANGSENG BEES-NAV', 'NSE_INDEX:HANGSENGBEESNAV'],
  // Not among the documented names.
  ['NSE', 'NIFTY INDIA MFG', 'NSE_INDEX:NIFTY INDIA MFG'],
  ['BSE', 'SENSEX', 'BSE_INDEX:SENSEX'],
  ['BSE', 'SNSX50', 'BSE_INDEX:SENSEX50'],
  ['BSE', 'AUTO', 'BSE_INDEX:BSEAUTO'],
  ['BSE', 'OILGAS', 'BSE_INDEX:BSEOIL&GAS'],
  ['BSE', 'BSE500', 'BSE_INDEX:BSE500'],
  ['MCX', 'MCXGOLDEX', 'MCX_INDEX:MCXGOLDEX'],
  ['CDS', 'X', 'CDS_INDEX:X'],
  ['NSEIX', 'GIFT NIFTY', 'GLOBAL_INDEX:GIFTNIFTY'],
  ['GLOBAL', 'US30', 'GLOBAL_INDEX:US30'],
])('indices: %s %s', (exchange, tradingsymbol, expected) =>
  expect(nameOf({ exchange, tradingsymbol, segment: 'INDICES', name: tradingsymbol })).toBe(expected),
);

test('a share that is called as an index is no index', () => {
  expect(nameOf({ exchange: 'BSE', segment: 'BSE', tradingsymbol: 'AUTO' })).toBe('BSE:AUTO');
});

test('a contract without an underlying or without an expiry keeps its symbol', () => {
  const old = {
    exchange: 'NFO',
    segment: 'NFO-OPT',
    instrument_type: 'CE',
    tradingsymbol: 'BANKNIFTY18JAN23500CE',
  };
  expect(nameOf({ ...old, expiry: '2018-01-25', strike: 23_500 })).toBe('NFO:BANKNIFTY18JAN23500CE');
  expect(nameOf({ ...old, name: 'BANKNIFTY', strike: 23_500 })).toBe('NFO:BANKNIFTY18JAN23500CE');
});

const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');

const arbitraryContract = fc
  .record({
    name: fc.stringMatching(/^[A-Z0-9&-]{1,12}$/),
    expiry: fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
    type: fc.constantFrom('FUT', 'CE', 'PE'),
    strike: fc.oneof(
      fc.integer({ min: 1, max: 200_000 }),
      fc.integer({ min: 1, max: 99_999 }).map((n) => n / 4),
    ),
  })
  .map(({ name, expiry, type, strike }) => ({
    name,
    expiry: expiry.toISOString().slice(0, 10),
    type,
    ...(type === 'FUT' ? {} : { strike }),
  }));

test('what a contract is can be read off its name again', () => {
  fc.assert(
    fc.property(arbitraryContract, ({ name, expiry, type, strike }) => {
      const symbol = contract('NFO', name, expiry, type, strike).slice('NFO:'.length);
      const rest = symbol.slice(name.length);
      const [, day, month, year, amount] = /^(\d{2})([A-Z]{3})(\d{2})([\d.]*)(?:FUT|CE|PE)$/.exec(rest) ?? [];
      expect(symbol.startsWith(name)).toBe(true);
      expect(symbol.endsWith(type)).toBe(true);
      expect(`20${year}-${String(MONTHS.indexOf(month as string) + 1).padStart(2, '0')}-${day}`).toBe(expiry);
      expect(amount === '' ? undefined : Number(amount)).toBe(strike);
    }),
  );
});

test('contracts of one underlying that differ have different names', () => {
  fc.assert(
    fc.property(arbitraryContract, arbitraryContract, (a, b) => {
      const names = [a, b].map(({ expiry, type, strike }) => contract('NFO', a.name, expiry, type, strike));
      const isSame = a.expiry === b.expiry && a.type === b.type && a.strike === b.strike;
      expect(names[0] === names[1]).toBe(isSame);
    }),
  );
});

test('no two instruments of a large list share a name', () => {
  const { instruments } = listInstruments({ tradingDate: '2026-11-20', instrumentsCount: 115_000 });
  const names = new Set(instruments.map((each) => nameOf(each)));
  expect(names.size).toBe(instruments.length);
});
