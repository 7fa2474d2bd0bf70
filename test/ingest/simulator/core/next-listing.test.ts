// From one trading date to a later one: what lives keeps its token, what expired is gone, and its tokens are used again.
import { expect, test } from 'vitest';
import { listDump } from '../../../../ingest/simulator/core/dump-listing.ts';
import { DUMP_COLUMNS } from '../../../../ingest/simulator/core/dump-rows.ts';
import { type Listing, listInstruments } from '../../../../ingest/simulator/core/instrument-list.ts';
import { nextListing } from '../../../../ingest/simulator/core/next-listing.ts';
import { isSameInstrument } from '../../../../shared/instrument.ts';

const byToken = ({ instruments }: Listing) =>
  new Map(instruments.map((each) => [each.instrument_token, each]));

test('generated: expired contracts are gone, the rest keeps its tokens, new ones take those that are free', () => {
  let today = listInstruments({ tradingDate: '2026-11-23', instrumentsCount: 3_000 });
  for (const tradingDate of ['2026-11-24', '2026-11-25', '2026-12-02', '2027-01-27']) {
    const next = nextListing(today, tradingDate);
    expect(next).toMatchObject({ tradingDate, source: 'generated' });
    expect(next.instruments).toHaveLength(3_000);
    expect(byToken(next).size).toBe(3_000);
    expect(next.instruments.filter(({ expiry }) => expiry !== undefined && expiry < tradingDate)).toEqual([]);
    const before = byToken(today);
    const after = byToken(next);
    const nameOf = ({ exchange, tradingsymbol }: Listing['instruments'][number]) =>
      `${exchange}:${tradingsymbol}`;
    const known = new Map(today.instruments.map((each) => [nameOf(each), each.instrument_token]));
    for (const each of next.instruments)
      expect(each.instrument_token, each.tradingsymbol).toBe(
        known.get(nameOf(each)) ?? each.instrument_token,
      );
    const expired = today.instruments.filter(({ expiry }) => expiry !== undefined && expiry < tradingDate);
    const reused = expired.filter(({ instrument_token: token }) => {
      const successor = after.get(token);
      return successor !== undefined && !isSameInstrument(successor, before.get(token)!);
    });
    expect(reused.length, tradingDate).toBe(expired.length);
    expect(expired.length > 0, tradingDate).toBe(tradingDate !== '2026-11-24');
    today = next;
  }
});

test('of a file: each expired contract is followed by one of a later month under its token', () => {
  const rows = [
    '408065,1594,INFY,INFOSYS,0,,0,0.1,1,EQ,NSE,NSE',
    '514,2,NIFTY26N2426000CE,NIFTY,0,2026-11-24,26000,0.05,65,CE,NFO-OPT,NFO',
    '770,3,NIFTY26DEC26000PE,NIFTY,0,2026-12-29,26000,0.05,65,PE,NFO-OPT,NFO',
    '1026,4,NIFTY26NOVFUT,"NIF,TY",0,2026-11-24,0,0.1,65,FUT,NFO-FUT,NFO',
  ];
  const today = listDump([DUMP_COLUMNS.join(','), ...rows, ''].join('\r\n'), '2026-11-24');
  expect(nextListing(today, '2026-11-24').instruments).toEqual(today.instruments);
  const next = nextListing(today, '2026-11-25');
  expect(next.rows).toBeUndefined();
  expect(
    next.instruments.map(({ instrument_token: token, tradingsymbol, expiry }) => [
      token,
      tradingsymbol,
      expiry,
    ]),
  ).toEqual([
    [408065, 'INFY', undefined],
    [514, 'NIFTY27JAN26000CE', '2027-01-25'],
    [770, 'NIFTY26DEC26000PE', '2026-12-29'],
    [1026, 'NIF,TY26NOVFUT'.replace('26NOV', '26DEC'), '2026-12-29'],
  ]);
  expect(next.instruments[1]!.expiryMs).toBe(Date.parse('2027-01-25T15:30:00+05:30'));
});
