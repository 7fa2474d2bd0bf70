import { describe, expect, it } from 'vitest';
import type { Contract } from '../../../../ingest/core/greeks/contract-book.ts';
import { optionFamilyOf } from '../../../../ingest/core/greeks/option-family.ts';
import { spotSymbolOf } from '../../../../ingest/core/greeks/underlying.ts';
import { priceDivisorOf, SEGMENT } from '../../../../shared/instrument.ts';

const BOOK = {
  contractsBeside: () => undefined,
  tokenOf: (exchange: string, symbol: string) => (`${exchange}:${symbol}` === 'NSE:M&M' ? 1_537 : undefined),
};
const contract = (token: number, type: Contract['type'], expiry: string, strike = 0): Contract => ({
  token,
  type,
  expiry,
  strike,
  tickSize: 0.05,
});

it.each([
  ['NFO', 'NIFTY', 'NSE', 'NIFTY 50'],
  ['NFO', 'BANKNIFTY', 'NSE', 'NIFTY BANK'],
  ['NFO', 'FINNIFTY', 'NSE', 'NIFTY FIN SERVICE'],
  ['NFO', 'MIDCPNIFTY', 'NSE', 'NIFTY MID SELECT'],
  ['NFO', 'NIFTYNXT50', 'NSE', 'NIFTY NEXT 50'],
  ['BFO', 'SENSEX', 'BSE', 'SENSEX'],
  ['BFO', 'BANKEX', 'BSE', 'BANKEX'],
  ['BFO', 'SENSEX50', 'BSE', 'SNSX50'],
  ['NFO', 'M&M', 'NSE', 'M&M'],
  ['BFO', 'RELIANCE', 'BSE', 'RELIANCE'],
])('the spot of %s:%s is %s:%s', (exchange, name, spotExchange, tradingsymbol) => {
  expect(spotSymbolOf(exchange, name)).toEqual({ exchange: spotExchange, tradingsymbol });
});

it.each(['CDS', 'BCD', 'MCX'])('%s has no spot', (exchange) => {
  expect(spotSymbolOf(exchange, 'USDINR')).toBeUndefined();
});

describe('a family', () => {
  const contracts = [
    contract(1, 'CE', '2026-12-01', 110),
    contract(2, 'PE', '2026-12-01', 110),
    contract(3, 'CE', '2026-12-01', 100),
    contract(4, 'PE', '2026-12-01', 100),
    contract(5, 'CE', '2026-12-01', 120),
    contract(6, 'CE', '2026-12-29', 100),
    contract(7, 'FUT', '2026-12-29'),
    contract(8, 'FUT', '2026-11-24'),
    contract(9, 'FUT', '2027-01-26'),
    contract(10, 'CE', 'soon', 100),
  ];
  const family = optionFamilyOf({ exchange: 'NFO', name: 'M&M', contracts }, BOOK);

  it('has strikes in order, with both legs, and each option its place', () => {
    const expiry = family?.legs.get(1)?.expiry;
    expect([...(expiry?.pairStrikes ?? [])]).toEqual([100, 110]);
    expect([...(expiry?.pairCalls ?? []), ...(expiry?.pairPuts ?? [])]).toEqual([3, 1, 4, 2]);
    expect([1, 2, 3, 4, 5].map((token) => family?.legs.get(token)?.pairAt)).toEqual([1, 1, 0, 0, -1]);
    expect(family?.legs.get(2)).toMatchObject({ isPut: true, strike: 110 });
    expect([7, 10].map((token) => family?.legs.get(token))).toEqual([undefined, undefined]);
  });

  it('knows its spot, the future that ends with the options, else those before and after', () => {
    expect(family?.spotToken).toBe(1_537);
    expect(family?.legs.get(6)?.expiry).toMatchObject({ future: { token: 7 }, otherFutures: [] });
    const weekly = family?.legs.get(1)?.expiry;
    expect(weekly?.future).toBeUndefined();
    expect(weekly?.otherFutures.map(({ token }) => token)).toEqual([8, 7]);
  });

  it('of a commodity takes the first future that ends no sooner', () => {
    const commodity = optionFamilyOf({ exchange: 'MCX', name: 'CRUDEOIL', contracts }, BOOK);
    expect(commodity?.legs.get(1)?.expiry.future?.token).toBe(7);
    expect(commodity?.spotToken).toBeUndefined();
  });

  it('of currencies has their divisor; of an exchange without options there is none', () => {
    const currency = optionFamilyOf({ exchange: 'CDS', name: 'USDINR', contracts }, BOOK);
    expect(currency?.divisor).toBe(priceDivisorOf(SEGMENT.CDS));
    expect(optionFamilyOf({ exchange: 'NSE', name: 'X', contracts }, BOOK)).toBeUndefined();
  });
});
