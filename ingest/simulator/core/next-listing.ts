// The list of a later trading date: what has expired is gone, and what is new trades under the tokens that this set free.
import { type InstrumentToken, segmentOf } from '../../../shared/instrument.ts';
import { dateOfDay, dayOfDate, type Expiry, expirySchedule } from './expiry-calendar.ts';
import { type ListedInstrument, type Listing, listInstruments } from './instrument-list.ts';

/** Exchanges use the tokens of expired contracts again; here they do so at once and as far as they go. */
export function nextListing(listing: Listing, tradingDate: string): Listing {
  if (listing.source === 'generated') return generatedAnew(listing, tradingDate);
  const { source, spots } = listing;
  return { source, tradingDate, spots, instruments: succeeded(listing, tradingDate) };
}

function nameOf({ exchange, tradingsymbol }: ListedInstrument): string {
  return `${exchange}:${tradingsymbol}`;
}

function generatedAnew(before: Listing, tradingDate: string): Listing {
  const instrumentsCount = before.instruments.length;
  const { source, spots, instruments } = listInstruments({ tradingDate, instrumentsCount });
  const listed = new Set(instruments.map(nameOf));
  const kept = new Map<string, InstrumentToken>();
  const used = new Set<number>();
  const freed = new Map<number, InstrumentToken[]>();
  for (const instrument of before.instruments) {
    const token = instrument.instrument_token;
    used.add(token);
    if (listed.has(nameOf(instrument))) kept.set(nameOf(instrument), token);
    else {
      const tokens = freed.get(segmentOf(token)) ?? [];
      freed.set(segmentOf(token), tokens);
      tokens.push(token);
    }
  }
  const retokened = instruments.map((instrument) => {
    const own = instrument.instrument_token;
    const known = kept.get(nameOf(instrument));
    const token = known ?? freed.get(segmentOf(own))?.pop() ?? unusedFrom(own, used);
    used.add(token);
    return token === own ? instrument : { ...instrument, instrument_token: token };
  });
  return { source, tradingDate, spots, instruments: retokened };
}

/** The token, or the next one of its segment that nothing has had. */
function unusedFrom(token: InstrumentToken, used: ReadonlySet<number>): InstrumentToken {
  let unused: number = token;
  while (used.has(unused)) unused += 256;
  return unused as InstrumentToken;
}

/** Each expired contract is followed by one like it, of a month that its series did not have yet, under its token. */
function succeeded(listing: Listing, tradingDate: string): ListedInstrument[] {
  const series = new Map<string, Set<string>>();
  const seriesOf = ({ exchange, name, tradingsymbol }: ListedInstrument) =>
    `${exchange}:${name ?? tradingsymbol}`;
  for (const instrument of listing.instruments) {
    if (instrument.expiry === undefined || instrument.expiryMs === undefined) continue;
    const dates = series.get(seriesOf(instrument)) ?? new Set();
    series.set(seriesOf(instrument), dates.add(instrument.expiry));
  }
  const successions = new Map<string, ReadonlyMap<string, Expiry>>();
  for (const [name, dates] of series) successions.set(name, successionOf([...dates].sort(), tradingDate));
  return listing.instruments.map((instrument) => {
    const next = successions.get(seriesOf(instrument))?.get(instrument.expiry ?? '');
    return next === undefined ? instrument : contractOfMonth(instrument, next);
  });
}

/** By expired date, the expiry that takes its place. */
function successionOf(dates: readonly string[], tradingDate: string): ReadonlyMap<string, Expiry> {
  const expired = dates.filter((date) => date < tradingDate);
  const last = dates.at(-1) ?? tradingDate;
  const from = last < tradingDate ? tradingDate : dateOfDay(dayOfDate(last) + 1);
  const { monthly } = expirySchedule(from, 0, expired.length);
  return new Map(expired.map((date, at) => [date, monthly[at] as Expiry]));
}

function contractOfMonth(instrument: ListedInstrument, expiry: Expiry): ListedInstrument {
  const terms =
    instrument.kind === 'future' ? 'FUT' : `${instrument.strike ?? 0}${instrument.instrument_type}`;
  return {
    ...instrument,
    tradingsymbol: `${instrument.name ?? instrument.tradingsymbol}${expiry.symbolCode}${terms}`,
    expiry: expiry.date,
    expiryMs: expiry.expiryMs,
  };
}
