// Bytes per tick on the client wire by mode, over a session, and what a row costs to encode, to send on and to read.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { type ModeRank, modeOfRank, RECORD_WORDS_MAX } from '../../shared/tick.ts';
import { FlushTimes } from '../../shared/wire/flush-times.ts';
import { FrameWriter } from '../../shared/wire/frame.ts';
import { RowEncoder } from '../../shared/wire/row-encoder.ts';
import { type Scale, scaleOfInstrument } from '../../shared/wire/scale.ts';
import { type Bench, type BenchOptions, type Figure, nsFigure, nsPerItem } from './bench.ts';
import { optionSession } from './option-session.ts';
import { recordedSession, sideBySide } from './recorded-session.ts';
import { measureChanges } from './session-changes.ts';
import { simulatedSession } from './simulated-session.ts';
import { flushesOf, type TickSession } from './tick-session.ts';
import { measureSizes, WINDOW_MS, WireConnection } from './wire-connection.ts';

const SIMULATED = 'simulated_';
const RECORDED = 'recorded_';
const RANKS: readonly ModeRank[] = [3, 2, 1];
const ROWS_PER_FRAME = 10;
/** Frames that the times are measured over: they and their records fit no cache, as in an object with many instruments. */
const TIMED_FLUSHES = 3_000;
const OPTION_MINUTES = 5;

/** Bytes of a full tick of an option with its Greeks, and those of them that are the Greeks. */
function greeksFigures(): Record<string, Figure> {
  const { greeks, plain } = optionSession(OPTION_MINUTES);
  const [more, less] = [measureSizes(greeks, 3), measureSizes(plain, 3)];
  return {
    option_full_bytes: { value: more.bytes / more.rows, unit: 'bytes' },
    option_greeks_bytes: { value: (more.bytes - less.bytes) / more.rows, unit: 'bytes' },
  };
}

function sizeFigures(session: TickSession, prefix: string): Record<string, Figure> {
  const { depthColumns, unchangedSides, traded, changedTotals } = measureChanges(session);
  const figures: Record<string, Figure> = {
    [`${prefix}depth_columns`]: { value: depthColumns, unit: 'of 30' },
    [`${prefix}unchanged_sides`]: { value: unchangedSides, unit: 'of 1' },
    [`${prefix}traded`]: { value: traded, unit: 'of 1' },
    [`${prefix}changed_totals`]: { value: changedTotals, unit: 'of 1' },
  };
  for (const rank of RANKS) {
    const { rows, frames, bytes, kiteBytes, jsonBytes } = measureSizes(session, rank);
    const value = bytes / rows;
    const name = `${prefix}${modeOfRank(rank)}`;
    figures[`${name}_bytes`] = { value, unit: 'bytes', baseline: kiteBytes / rows, ratio: kiteBytes / bytes };
    figures[`${name}_json_bytes`] = { value: jsonBytes / rows, unit: 'bytes' };
    figures[`${prefix}rows_per_frame`] = { value: rows / frames, unit: 'rows' };
  }
  return figures;
}

/** Nanoseconds of a row: to encode, to copy into one client's frame with its share of the check, to read. */
function measureTimes(session: TickSession, rank: ModeRank): Record<'encode' | 'copy' | 'decode', number> {
  const connection = new WireConnection(session, rank);
  const flushes = [...flushesOf(session, WINDOW_MS)].slice(0, TIMED_FLUSHES);
  const frames = flushes.map((flush) => connection.frame(flush).slice());
  const count = flushes.reduce((sum, { ticks }) => sum + ticks.length, 0);
  const records = new Uint32Array(count * RECORD_WORDS_MAX);
  const bases = new Uint32Array(count * RECORD_WORDS_MAX);
  const scales: Scale[] = [];
  const last = new Map<number, Uint32Array>();
  const times = flushes.map(({ ticks }) => {
    const flushTimes = new FlushTimes();
    for (const { instrument, receivedAtMs, record } of ticks) {
      flushTimes.add(receivedAtMs);
      records.set(record, scales.length * RECORD_WORDS_MAX);
      bases.set(last.get(instrument) ?? [], scales.length * RECORD_WORDS_MAX);
      last.set(instrument, record);
      scales.push(scaleOfInstrument(session.definitions[instrument] as InstrumentDefinition));
    }
    return flushTimes;
  });
  const rowBytes = new Uint8Array(count * 32 + (1 << 20));
  const rows = new RowEncoder(rowBytes);
  const ends = new Uint32Array(count);
  const writer = new FrameWriter(new Uint8Array(1 << 20));
  const encode = (): number => {
    let [row, at] = [0, 0];
    for (const [flush, { ticks }] of flushes.entries()) {
      rows.startFlush(times[flush] as FlushTimes);
      for (let i = 0; i < ticks.length; i++) {
        const wordAt = row * RECORD_WORDS_MAX;
        at = rows.encode(at, records, wordAt, bases, wordAt, rank, scales[row] as Scale);
        ends[row++] = at;
      }
    }
    return row;
  };
  const copy = (): number => {
    let [row, from] = [0, 0];
    for (const [flush, { endMs, ticks }] of flushes.entries()) {
      writer.startFlush(endMs, times[flush] as FlushTimes);
      writer.restart(0);
      for (const { instrument } of ticks) {
        const to = ends[row++] as number;
        writer.row(instrument, rowBytes, from, to);
        from = to;
      }
      writer.finish();
    }
    return row;
  };
  const decode = (): number => {
    let read = 0;
    for (const frame of frames) read += connection.reader.read(frame);
    return read;
  };
  return nsPerItem({ encode, copy, decode });
}

function timeFigures(session: TickSession, prefix: string): Record<string, Figure> {
  const figures: Record<string, Figure> = {};
  for (const rank of RANKS) {
    const ns = measureTimes(session, rank);
    for (const step of ['encode', 'copy', 'decode'] as const) {
      figures[`${prefix}${modeOfRank(rank)}_${step}`] = nsFigure(ns[step]);
    }
  }
  return figures;
}

/** How many times the recording has to be cut for as many rows per frame as a watchlist has. */
function partsOf(session: TickSession): number {
  let [rows, frames] = [0, 0];
  for (const { ticks } of flushesOf(session, WINDOW_MS)) {
    rows += ticks.length;
    frames++;
  }
  const windows =
    ((session.ticks.at(-1)?.receivedAtMs ?? 0) - (session.ticks[0]?.receivedAtMs ?? 0)) / WINDOW_MS;
  return Math.max(1, Math.round((ROWS_PER_FRAME * Math.max(windows, frames)) / rows));
}

/** Figures of the simulated session as multiples of those of the recorded one: at 1 they are alike. */
function likenessFigures(
  simulated: Readonly<Record<string, Figure>>,
  recorded: Readonly<Record<string, Figure>>,
): Record<string, Figure> {
  const figures: Record<string, Figure> = {};
  for (const [name, { value }] of Object.entries(simulated)) {
    const figure = name.slice(SIMULATED.length);
    const other = recorded[`${RECORDED}${figure}`];
    if (other === undefined) continue;
    figures[`likeness_${figure}`] = { value: value / other.value, unit: 'x' };
  }
  return figures;
}

export const bench: Bench = {
  about:
    'bytes per tick in frames of ten rows, headers and keyframes included, against Kite; every row read back and compared',
  async run({ recording }: BenchOptions) {
    const simulated = simulatedSession();
    const simulatedSizes = sizeFigures(simulated, SIMULATED);
    const figures = { ...simulatedSizes, ...timeFigures(simulated, SIMULATED), ...greeksFigures() };
    if (recording === undefined) return figures;
    const session = recordedSession(recording);
    const recorded = sideBySide(session, partsOf(session));
    const recordedSizes = sizeFigures(recorded, RECORDED);
    return {
      ...figures,
      ...recordedSizes,
      ...timeFigures(recorded, RECORDED),
      ...likenessFigures(simulatedSizes, recordedSizes),
    };
  },
};
