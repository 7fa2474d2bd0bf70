// A recorded session: a folder of gzipped JSON arrays, one per instrument, of another broker's full-feed messages.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type InstrumentDefinition, type InstrumentToken, SEGMENT } from '../../shared/instrument.ts';
import {
  AT,
  DEPTH_LEVELS,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  receivedAtOf,
  writeReceivedAt,
} from '../../shared/tick.ts';
import type { SessionTick, TickSession } from './tick-session.ts';

/** Fields that are zero are absent, as protobuf has it; whole numbers of 64 bits are text. Prices are in rupees. */
interface FullFeed {
  readonly ltpc: {
    readonly ltp?: number;
    readonly ltt?: string;
    readonly ltq?: string;
    readonly cp?: number;
  };
  readonly marketLevel?: { readonly bidAskQuote?: readonly BidAsk[] };
  readonly marketOHLC?: { readonly ohlc?: readonly Candle[] };
  readonly atp?: number;
  readonly vtt?: string;
  readonly oi?: number;
  readonly tbq?: number;
  readonly tsq?: number;
}

interface BidAsk {
  readonly bidP?: number;
  readonly bidQ?: string;
  readonly askP?: number;
  readonly askQ?: string;
}

interface Candle {
  readonly interval: string;
  readonly open?: number;
  readonly high?: number;
  readonly low?: number;
}

interface RecordedMessage {
  readonly fullFeed: { readonly marketFF: FullFeed };
  readonly instrumentKey: string;
  /** The recorder's clock, IST without a zone. */
  readonly _insertion_time: string;
}

const SEGMENTS: Readonly<Record<string, number>> = {
  NSE_EQ: SEGMENT.NSE,
  NSE_FO: SEGMENT.NFO,
  BSE_EQ: SEGMENT.BSE,
  BSE_FO: SEGMENT.BFO,
};
/** How far the recorder's clock was behind the exchange's. */
const RECORDER_BEHIND_MS = 5_800;
/** The recording has no numbers of orders: one for so many lots. */
const LOTS_PER_ORDER = 3;

/** All instruments of the folder, in the order of receipt. */
export function recordedSession(folder: string): TickSession {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json.gz'));
  if (files.length === 0) throw new Error(`no *.json.gz in ${folder}`);
  const definitions: InstrumentDefinition[] = [];
  const ticks: SessionTick[] = [];
  for (const [instrument, name] of files.sort().entries()) {
    const messages = JSON.parse(gunzipSync(readFileSync(join(folder, name))).toString()) as RecordedMessage[];
    const definition = definitionOf(messages, instrument);
    definitions.push(definition);
    ticks.push(...ticksOf(messages, definition, instrument));
  }
  return { definitions, ticks: ticks.sort((a, b) => a.receivedAtMs - b.receivedAtMs) };
}

function receivedAtMsOf(message: RecordedMessage): number {
  return Date.parse(`${message._insertion_time.slice(0, 23).replace(' ', 'T')}+05:30`) + RECORDER_BEHIND_MS;
}

function paise(rupees: number | undefined): number {
  return Math.round((rupees ?? 0) * 100);
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** Tick and lot are what all prices and quantities of the day are multiples of. */
function definitionOf(messages: readonly RecordedMessage[], instrument: number): InstrumentDefinition {
  let tick = 0;
  let lot = 0;
  for (const { fullFeed } of messages) {
    const { ltpc, marketLevel, vtt } = fullFeed.marketFF;
    tick = divisor(tick, paise(ltpc.ltp));
    lot = divisor(lot, Number(vtt ?? 0));
    for (const { bidP, bidQ, askP, askQ } of marketLevel?.bidAskQuote ?? []) {
      tick = divisor(divisor(tick, paise(bidP)), paise(askP));
      lot = divisor(divisor(lot, Number(bidQ ?? 0)), Number(askQ ?? 0));
    }
  }
  const key = messages[0]?.instrumentKey ?? '';
  const [exchange = '', code] = key.split('|');
  const segment = SEGMENTS[exchange];
  if (segment === undefined) throw new Error(`instrument ${key}: unknown segment`);
  const exchangeToken = Number.isInteger(Number(code)) ? Number(code) : 1 + instrument;
  return {
    instrument_token: (exchangeToken * 256 + segment) as InstrumentToken,
    tradingsymbol: key,
    exchange,
    segment: exchange,
    instrument_type: '',
    tick_size: Math.max(1, tick) / 100,
    lot_size: Math.max(1, lot),
  };
}

function ticksOf(
  messages: readonly RecordedMessage[],
  definition: InstrumentDefinition,
  instrument: number,
): SessionTick[] {
  const received = messages.map((message) => ({ message, receivedAtMs: receivedAtMsOf(message) }));
  let volume = 0;
  let oiHigh = 0;
  let oiLow = 0;
  return received
    .sort((a, b) => a.receivedAtMs - b.receivedAtMs)
    .map(({ message, receivedAtMs }) => {
      const { marketFF } = message.fullFeed;
      volume = Math.max(volume, Number(marketFF.vtt ?? 0));
      const oi = marketFF.oi ?? 0;
      oiHigh = Math.max(oiHigh, oi);
      oiLow = oiLow === 0 ? oi : Math.min(oiLow, oi);
      const record = recordOf(marketFF, definition, receivedAtMs);
      record[AT.volume / 4] = volume;
      record.set([oi, oiHigh, oiLow], AT.oi / 4);
      return { instrument, receivedAtMs, record };
    });
}

function recordOf(feed: FullFeed, definition: InstrumentDefinition, receivedAtMs: number): Uint32Array {
  const record = new Uint32Array(RECORD_WORDS_MAX);
  const { ltpc } = feed;
  const day = feed.marketOHLC?.ohlc?.find(({ interval }) => interval === '1d');
  record[AT.token / 4] = definition.instrument_token;
  record[AT.kind / 4] = RECORD_KIND.full;
  writeReceivedAt(new DataView(record.buffer), 0, receivedAtMs);
  record[AT.lastPrice / 4] = paise(ltpc.ltp);
  record[AT.lastQuantity / 4] = Number(ltpc.ltq ?? 0);
  record[AT.averagePrice / 4] = paise(feed.atp);
  record[AT.buyQuantity / 4] = feed.tbq ?? 0;
  record[AT.sellQuantity / 4] = feed.tsq ?? 0;
  record.set([paise(day?.open), paise(day?.high), paise(day?.low), paise(ltpc.cp)], AT.open / 4);
  record[AT.lastTradeTime / 4] = Math.floor(Number(ltpc.ltt ?? 0) / 1_000);
  record[AT.exchangeTimestamp / 4] = Math.floor(receivedAtMs / 1_000);
  const levels = feed.marketLevel?.bidAskQuote ?? [];
  for (let level = 0; level < DEPTH_LEVELS; level++) {
    const { bidP, bidQ, askP, askQ } = levels[level] ?? {};
    record.set(levelOf(bidP, bidQ, definition.lot_size), AT.depth / 4 + level * 3);
    record.set(levelOf(askP, askQ, definition.lot_size), AT.depth / 4 + (DEPTH_LEVELS + level) * 3);
  }
  return record;
}

function levelOf(price: number | undefined, quantityText: string | undefined, lot: number): number[] {
  const quantity = Number(quantityText ?? 0);
  const orders = quantity === 0 ? 0 : Math.max(1, Math.floor(quantity / (LOTS_PER_ORDER * lot)));
  return [quantity, paise(price), orders];
}

/**
 * The session cut into parts that are played side by side, as many instruments as that makes: a few recorded instruments
 * become a watchlist. Times are moved by whole seconds, the same for all of a record.
 */
export function sideBySide(session: TickSession, parts: number): TickSession {
  const startMs = session.ticks[0]?.receivedAtMs ?? 0;
  const endMs = session.ticks.at(-1)?.receivedAtMs ?? 0;
  const partS = Math.ceil((endMs - startMs + 1) / parts / 1_000);
  const ticks = session.ticks.map(({ instrument, receivedAtMs, record }) => {
    const part = Math.floor((receivedAtMs - startMs) / 1_000 / partS);
    const moved = record.slice();
    const view = new DataView(moved.buffer);
    const movedMs = receivedAtOf(view, 0) - part * partS * 1_000;
    writeReceivedAt(view, 0, movedMs);
    for (const field of [AT.lastTradeTime, AT.exchangeTimestamp]) {
      const timeS = view.getUint32(field, true);
      if (timeS !== 0) view.setUint32(field, timeS - part * partS, true);
    }
    return {
      instrument: part * session.definitions.length + instrument,
      receivedAtMs: movedMs,
      record: moved,
    };
  });
  return {
    definitions: Array.from({ length: parts }, () => session.definitions).flat(),
    ticks: ticks.sort((a, b) => a.receivedAtMs - b.receivedAtMs),
  };
}
