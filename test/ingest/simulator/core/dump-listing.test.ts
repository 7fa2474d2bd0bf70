// A saved dump as a market: columns by name, units by segment, rows that stay as they are, and prices that can be.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listDump } from '../../../../ingest/simulator/core/dump-listing.ts';
import { DUMP_COLUMNS } from '../../../../ingest/simulator/core/dump-rows.ts';
import { MARKET_STEP_MS, Market } from '../../../../ingest/simulator/core/market.ts';
import { priceDivisorOf } from '../../../../shared/instrument.ts';
import { INSTRUMENT_DUMP_ROWS_MAX } from '../../../../shared/limits.ts';
import { readTick } from '../../../../shared/tick.ts';

const HEADER = DUMP_COLUMNS.join(',');
const DATE = '2026-11-23';
const ROWS = [
  '256265,1001,NIFTY 50,NIFTY 50,0.0,,0.0,0.0,0,EQ,INDICES,NSE',
  '738561,2885,RELIANCE,RELIANCE INDUSTRIES,0.0,,0.0,0.1,1,EQ,NSE,NSE',
  '128083204,500325,RELIANCE,RELIANCE INDUSTRIES,0.0,,0.0,0.05,1,EQ,BSE,BSE',
  '6401,25,SOMEBODY,SOME BODY,812.5,,0.0,0.05,1,EQ,NSE,NSE',
  '14000898,54691,NIFTY26NOV26000CE,NIFTY,0.0,2026-11-24,26000.0,0.05,65,CE,NFO-OPT,NFO',
  '14001154,54692,NIFTY26NOV26000PE,NIFTY,0.0,2026-11-24,26000.0,0.05,65,PE,NFO-OPT,NFO',
  '14001410,54693,NIFTY26NOVFUT,NIFTY,0.0,2026-11-24,0.0,0.1,65,FUT,NFO-FUT,NFO',
  '263171,1028,USDINR26NOVFUT,USDINR,0.0,2026-11-26,0.0,0.0025,1,FUT,CDS-FUT,CDS',
  '263427,1029,USDINR26NOV86CE,USDINR,0.0,2026-11-26,86.0,0.0025,1,CE,CDS-OPT,CDS',
  '263683,1030,USDINR26NOV88CE,USDINR,0.0,2026-11-26,88.0,0.0025,1,CE,CDS-OPT,CDS',
  '263939,1031,USDINR26NOV90CE,USDINR,0.0,2026-11-26,90.0,0.0025,1,CE,CDS-OPT,CDS',
  '264198,1032,USDINR26NOVFUT,USDINR,87.5,2026-11-26,0.0,0.0025,1,FUT,BCD-FUT,BCD',
  '112130823,438011,GOLD26DECFUT,GOLD,0.0,2026-12-04,0.0,1.0,1,FUT,MCX-FUT,MCX',
];

const dumpOf = (rows: readonly string[], header = HEADER) => [header, ...rows, ''].join('\r\n');

function find(symbol: string, exchange: string, listing = listDump(dumpOf(ROWS), DATE)) {
  const slot = listing.instruments.findIndex(
    (each) => each.tradingsymbol === symbol && each.exchange === exchange,
  );
  expect(slot, `${exchange}:${symbol}`).toBeGreaterThanOrEqual(0);
  return {
    slot,
    instrument: listing.instruments[slot]!,
    spot: listing.spots[listing.instruments[slot]!.spot]!,
  };
}

test('rows keep their text and their terms', () => {
  const listing = listDump(dumpOf(ROWS), DATE);
  expect(listing.rows).toEqual(ROWS);
  expect(listing.instruments).toHaveLength(ROWS.length);
  expect(find('NIFTY26NOV26000PE', 'NFO').instrument).toMatchObject({
    instrument_token: 14001154,
    name: 'NIFTY',
    kind: 'put',
    strike: 26_000,
    expiry: '2026-11-24',
    expiryMs: Date.parse('2026-11-24T15:30:00+05:30'),
    tick_size: 0.05,
    lot_size: 65,
  });
  expect(listing.instruments.map(({ kind }) => kind)).toEqual([
    'index',
    'share',
    'share',
    'share',
    'call',
    'put',
    ...['future', 'future', 'call', 'call', 'call', 'future', 'future'],
  ]);
});

test('derivatives share the spot of what they are written on, in their own units', () => {
  const listing = listDump(dumpOf(ROWS), DATE);
  const spotOf = (symbol: string, exchange: string) => find(symbol, exchange, listing).instrument.spot;
  expect(spotOf('NIFTY26NOVFUT', 'NFO')).toBe(spotOf('NIFTY 50', 'NSE'));
  expect(spotOf('RELIANCE', 'BSE')).toBe(spotOf('RELIANCE', 'NSE'));
  expect(spotOf('USDINR26NOVFUT', 'CDS')).not.toBe(spotOf('USDINR26NOVFUT', 'BCD'));
});

test('prices start where the file and the names say', () => {
  expect(find('NIFTY 50', 'NSE').spot.close).toBe(2_606_815);
  expect(find('RELIANCE', 'BSE').spot.close).toBe(154_660);
  expect(find('SOMEBODY', 'NSE').spot.close).toBe(81_250);
  // The middle strike of the nearest chain, with seven decimals; the last price of a future, with four.
  expect(find('USDINR26NOVFUT', 'CDS').spot.close).toBe(880_000_000);
  expect(find('USDINR26NOVFUT', 'BCD').spot.close).toBe(875_000);
  // Nothing is known but the tick size.
  const gold = find('GOLD26DECFUT', 'MCX').spot.close / 100;
  expect(gold).toBeGreaterThan(1);
});

test('columns are found by name, in any order, among others, and quoted', () => {
  const header = `,"exchange",tradingsymbol,${HEADER.replace('tradingsymbol,', '').replace(/,exchange$/, '')}`;
  const row = '7,NSE,INFY,408065,1594,"INFOSYS, ""LTD""",0,,0,0.1,1,EQ,NSE';
  const listing = listDump(`\uFEFF${header}\n${row}`, DATE);
  expect(listing.rows).toEqual(['408065,1594,INFY,"INFOSYS, ""LTD""",0,,0,0.1,1,EQ,NSE,NSE']);
  expect(listing.instruments[0]).toMatchObject({
    tradingsymbol: 'INFY',
    name: 'INFOSYS, "LTD"',
    tick_size: 0.1,
  });
});

test('columns that a file lacks are those of a share', () => {
  const listing = listDump(
    'instrument_token,tradingsymbol,exchange\n408065,INFY,NSE\n256265,NIFTY 50,NSE\n',
    DATE,
  );
  expect(listing.rows).toEqual([
    '408065,1594,INFY,,0,,0,0.05,1,EQ,NSE,NSE',
    '256265,1001,NIFTY 50,,0,,0,0.05,1,EQ,INDICES,NSE',
  ]);
});

test('rows that nobody can use are served, not traded', () => {
  const bad = [
    ',1594,INFY,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE',
    '408065,1594,,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE',
    '408065,1594,INFY,INFOSYS,0,,-5,0.05,1,EQ,NSE,NSE',
    '408065,1594,INFY,INFOSYS,0,2026-02-30,0,0.05,1,EQ,NSE,NSE',
    '408065,1594',
    ROWS[1]!,
  ];
  const listing = listDump(dumpOf([ROWS[1]!, ...bad]), DATE);
  expect(listing.rows).toEqual([ROWS[1], ...bad]);
  expect(listing.instruments).toHaveLength(1);
});

test('a text that is no dump is refused by what it lacks', () => {
  expect(() => listDump('', DATE)).toThrow('it is empty');
  expect(() => listDump('<html></html>\n', DATE)).toThrow(
    'no column instrument_token, tradingsymbol, exchange',
  );
  expect(() => listDump(`${HEADER}\n`, DATE)).toThrow('no usable row');
  const tooMany = `instrument_token,tradingsymbol,exchange\n${'x\n'.repeat(INSTRUMENT_DUMP_ROWS_MAX + 1)}`;
  expect(() => listDump(tooMany, DATE)).toThrow(`over ${INSTRUMENT_DUMP_ROWS_MAX} rows`);
});

test('whatever the seed, prices are on the grid of their instrument and fit their field; options alone have prices too', () => {
  const optionsOnly = listDump(dumpOf(ROWS.slice(4, 6)), DATE);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.constantFrom(listDump(dumpOf(ROWS), DATE), optionsOnly),
      (seed, listing) => {
        const startMs = Date.parse('2026-11-23T05:00:00Z');
        const market = new Market({ listing, seed, startMs, ticksPerInstrumentPerSecond: 20 });
        for (let step = 1; step <= 40; step++)
          market.advance(startMs + step * MARKET_STEP_MS, (slot) => market.refresh(slot));
        for (const [
          slot,
          { instrument_token: token, tick_size: tick, kind },
        ] of listing.instruments.entries()) {
          const { lastPrice = 0, close = 0, depth } = readTick(market.records, market.recordOffset(slot));
          const grid = kind === 'index' ? 1 : Math.round(tick * priceDivisorOf(token));
          for (const price of [lastPrice, close, ...(depth?.buy ?? []).map((level) => level.price)]) {
            expect(price, String(token)).toBeGreaterThan(0);
            expect(price % grid, String(token)).toBe(0);
          }
          expect(Math.abs(lastPrice / close - 1)).toBeLessThan(kind === 'call' || kind === 'put' ? 20 : 0.2);
        }
      },
    ),
    { numRuns: 20 },
  );
});
