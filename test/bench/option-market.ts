// Options of many underlyings with their futures and spots, as lists and as Kite frames, for benches of their valuation.
import type { Contract, ContractBook } from '../../ingest/core/greeks/contract-book.ts';
import { valueOption } from '../../shared/greeks/option.ts';
import { OPTION_STATUS } from '../../shared/greeks/option-status.ts';
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import { encodeKitePacket, kitePacketBytes } from '../../shared/kite-packet.ts';
import { AT, DEPTH_LEVEL_BYTES, DEPTH_LEVELS, RECORD_BYTES_MAX, RECORD_KIND } from '../../shared/tick.ts';

export const EXPIRY = '2026-12-01';
/** A week before. */
export const MARKET_TIME_MS = Date.parse('2026-11-24T11:00:00+05:30');
const TIME_S = MARKET_TIME_MS / 1_000;
const YEARS = (Date.parse(`${EXPIRY}T15:30:00+05:30`) - MARKET_TIME_MS) / (365 * 86_400_000);
const RATE = 0.055;
const SPOT = 24_400;
const FORWARD = 24_420;
const STRIKE_STEP = 50;
const TICK_SIZE = 0.05;
const PACKETS_PER_FRAME = 50;
const FIRST_EXCHANGE_TOKEN = 40_000;

export interface OptionListing {
  readonly definitions: readonly InstrumentDefinition[];
  readonly book: ContractBook;
  readonly options: readonly InstrumentToken[];
  /** Frames of all options, and of what their forwards come from. */
  readonly frames: readonly Uint8Array[];
  readonly inputFrames: readonly Uint8Array[];
}

interface Priced {
  readonly token: number;
  readonly price: number;
}

function packetOf({ token, price }: Priced, spread: number): Uint8Array {
  const record = new DataView(new ArrayBuffer(RECORD_BYTES_MAX));
  const raw = Math.max(2, Math.round(price * 100));
  const isFull = (token & 0xff) !== 9;
  record.setUint32(AT.token, token, true);
  record.setUint32(AT.lastPrice, raw, true);
  record.setUint32(AT.volume, 1_000, true);
  record.setUint32(AT.lastTradeTime, TIME_S - 1, true);
  record.setUint32(AT.exchangeTimestamp, TIME_S, true);
  for (let level = 0; isFull && level < 2 * DEPTH_LEVELS; level++) {
    const at = AT.depth + level * DEPTH_LEVEL_BYTES;
    const away = (level % DEPTH_LEVELS) * 5 + spread;
    record.setUint32(at, 75, true);
    record.setUint32(at + 4, level < DEPTH_LEVELS ? Math.max(1, raw - away) : raw + away, true);
    record.setUint32(at + 8, 3, true);
  }
  const kind = isFull ? RECORD_KIND.full : RECORD_KIND.indexFull;
  const out = new Uint8Array(kitePacketBytes(kind));
  encodeKitePacket(record, 0, kind, new DataView(out.buffer), 0);
  return out;
}

function framesOf(packets: readonly Uint8Array[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let from = 0; from < packets.length; from += PACKETS_PER_FRAME) {
    const some = packets.slice(from, from + PACKETS_PER_FRAME);
    const frame = new Uint8Array(2 + some.reduce((sum, { length }) => sum + 2 + length, 0));
    const view = new DataView(frame.buffer);
    view.setUint16(0, some.length);
    let at = 2;
    for (const packet of some) {
      view.setUint16(at, packet.length);
      frame.set(packet, at + 2);
      at += 2 + packet.length;
    }
    frames.push(frame);
  }
  return frames;
}

/** Percent: higher away from the money. */
export function volatilityAt(strike: number): number {
  return 12 + (60 * Math.abs(strike - FORWARD)) / FORWARD;
}

function priceOf(strike: number, isPut: boolean): number {
  const terms = { forward: FORWARD, years: YEARS, rate: RATE, timeValueMin: 0 };
  const value = valueOption(terms, strike, isPut, volatilityAt(strike));
  if (value.status !== OPTION_STATUS.ok) throw new Error(`strike ${strike}: status ${value.status}`);
  return value.price;
}

/** So many underlyings, each with a spot, a future and two options on each of `strikes` strikes. */
export function optionListing(underlyings: number, strikes: number): OptionListing {
  let next = FIRST_EXCHANGE_TOKEN;
  const contracts = new Map<string, Contract[]>();
  const nameOf = new Map<number, string>();
  const definitions: InstrumentDefinition[] = [];
  const priced: Priced[] = [];
  const inputs: Priced[] = [];
  const listed = { segment: 'NFO-OPT', tick_size: TICK_SIZE, lot_size: 65, expiry: EXPIRY };
  const add = (name: string, type: Contract['type'], strike: number, price: number): void => {
    const token = ((next++ << 8) | 2) as InstrumentToken;
    const contract = { token, type, expiry: EXPIRY, strike, tickSize: TICK_SIZE };
    contracts.set(name, [...(contracts.get(name) ?? []), contract]);
    nameOf.set(token, name);
    const tradingsymbol = `${name}${strike}${type}`;
    definitions.push({
      ...listed,
      instrument_token: token,
      tradingsymbol,
      exchange: 'NFO',
      name,
      instrument_type: type,
      strike,
    });
    (type === 'FUT' ? inputs : priced).push({ token, price });
  };
  const spots = new Map<string, InstrumentToken>();
  for (let i = 0; i < underlyings; i++) {
    const name = `NAME${i}`;
    const spot = ((1_000 + i) * 256 + 9) as InstrumentToken;
    spots.set(`NSE:${name}`, spot);
    definitions.push({
      ...listed,
      instrument_token: spot,
      tradingsymbol: name,
      exchange: 'NSE',
      instrument_type: 'EQ',
    });
    inputs.push({ token: spot, price: SPOT });
    add(name, 'FUT', 0, FORWARD);
    for (let at = 0; at < strikes; at++) {
      const strike = SPOT + (at - (strikes >> 1)) * STRIKE_STEP;
      add(name, 'CE', strike, priceOf(strike, false));
      add(name, 'PE', strike, priceOf(strike, true));
    }
  }
  return {
    definitions,
    book: {
      contractsBeside: (token) => {
        const name = nameOf.get(token);
        return name === undefined
          ? undefined
          : { exchange: 'NFO', name, contracts: contracts.get(name) ?? [] };
      },
      tokenOf: (exchange, symbol) => spots.get(`${exchange}:${symbol}`),
    },
    options: priced.map(({ token }) => token as InstrumentToken),
    frames: framesOf(priced.map((one) => packetOf(one, 5))),
    inputFrames: framesOf(inputs.map((one) => packetOf(one, 5))),
  };
}
