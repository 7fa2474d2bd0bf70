// A session of the simulator's market: options near the money and shares, five to two, ten ticks per 100 ms.
import { listInstruments } from '../../ingest/simulator/core/instrument-list.ts';
import { MARKET_STEP_MS, Market } from '../../ingest/simulator/core/market.ts';
import { writeReceivedAt } from '../../shared/tick.ts';
import { copyOfRecord, type SessionTick, type TickSession } from './tick-session.ts';

export const TRADING_DATE = '2026-11-23';
export const START_MS = Date.parse('2026-11-23T10:00:00+05:30');
const MINUTES = 10;
export const SEED = 1;
const TICKS_PER_INSTRUMENT_PER_SECOND = 1.5;
const OPTIONS = 48;
const SHARES = 19;
/** The listing has the most traded first: these are enough to choose from. */
const LISTED = 1_000;

export function simulatedSession(): TickSession {
  const market = new Market({
    listing: listInstruments({ tradingDate: TRADING_DATE, instrumentsCount: LISTED }),
    seed: SEED,
    startMs: START_MS,
    ticksPerInstrumentPerSecond: TICKS_PER_INSTRUMENT_PER_SECOND,
  });
  const options: number[] = [];
  const shares: number[] = [];
  for (const [slot, { kind }] of market.instruments.entries()) {
    if (kind === 'share' && shares.length < SHARES) shares.push(slot);
    if ((kind === 'call' || kind === 'put') && options.length < OPTIONS) options.push(slot);
  }
  const chosen = [...options, ...shares];
  const positions = new Map(chosen.map((slot, position) => [slot, position]));
  const ticks: SessionTick[] = [];
  for (let nowMs = START_MS; nowMs < START_MS + MINUTES * 60_000; nowMs += MARKET_STEP_MS) {
    market.advance(nowMs, (slot) => {
      const instrument = positions.get(slot);
      if (instrument === undefined) return;
      market.refresh(slot);
      const record = copyOfRecord(market.records, market.recordOffset(slot));
      writeReceivedAt(new DataView(record.buffer), 0, nowMs);
      ticks.push({ instrument, receivedAtMs: nowMs, record });
    });
  }
  return { definitions: chosen.flatMap((slot) => market.instruments[slot] ?? []), ticks };
}
