// Bytes per tick on the client wire by mode, over a session, and what a row costs to encode, to send on and to read.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { kitePacketBytes } from '../../shared/kite-packet.ts';
import {
  AT,
  kindAtRank,
  type ModeRank,
  modeOfRank,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  recordWords,
} from '../../shared/tick.ts';
import { FlushTimes } from '../../shared/wire/flush-times.ts';
import { FrameWriter } from '../../shared/wire/frame.ts';
import { FrameReader } from '../../shared/wire/frame-reader.ts';
import { RowEncoder } from '../../shared/wire/row-encoder.ts';
import { type Scale, scaleOfInstrument } from '../../shared/wire/scale.ts';
import { encodeTick } from '../../worker/dialects/native-json/tick.ts';
import { type Bench, type BenchOptions, type Figure, nsFigure, nsPerItem } from './bench.ts';
import { recordedSession, sideBySide } from './recorded-session.ts';
import { simulatedSession } from './simulated-session.ts';
import { flushesOf, type SessionFlush, type TickSession } from './tick-session.ts';

const RANKS: readonly ModeRank[] = [3, 2, 1];
const WINDOW_MS = 100;
const ROWS_PER_FRAME = 10;
/** From the end of a window to the gateway's flush: transport, and two clocks. */
const FLUSH_AFTER_MS = 40;
/** Frames that the times are measured over: they and their records fit no cache, as in an object with many instruments. */
const TIMED_FLUSHES = 3_000;

/** The server's and the client's end of one connection that has subscribed to all of a session in one mode. */
class Connection {
  readonly #rowBytes = new Uint8Array(1 << 20);
  readonly #rows = new RowEncoder(this.#rowBytes);
  readonly #times = new FlushTimes();
  readonly #frames = new FrameWriter(new Uint8Array(1 << 20));
  readonly #scales: readonly Scale[];
  readonly #rank: ModeRank;
  readonly #sent: Uint32Array;
  readonly reader = new FrameReader();
  #counter = 0;
  #seq = 0;

  constructor(session: TickSession, rank: ModeRank) {
    this.#rank = rank;
    this.#scales = session.definitions.map(scaleOfInstrument);
    this.#sent = new Uint32Array(session.definitions.length * RECORD_WORDS_MAX);
    for (const [id, { instrument_token: token }] of session.definitions.entries()) {
      this.reader.assign(id, token, this.#scales[id] as Scale);
    }
  }

  /** The next flush, as a frame that the one after it overwrites. */
  frame({ endMs, ticks }: SessionFlush): Uint8Array {
    this.#times.start();
    for (const { receivedAtMs } of ticks) this.#times.add(receivedAtMs);
    this.#rows.startFlush(this.#times);
    const seq = endMs + FLUSH_AFTER_MS;
    this.#frames.startFlush(seq, this.#times);
    if (this.#seq === 0) this.#frames.restart(0);
    else this.#frames.start(this.#counter++, this.#seq);
    this.#seq = seq;
    for (const { instrument, record } of ticks) {
      const scale = this.#scales[instrument] as Scale;
      const sentAt = instrument * RECORD_WORDS_MAX;
      const end = this.#rows.encode(0, record, 0, this.#sent, sentAt, this.#rank, scale);
      this.#sent.set(record, sentAt);
      if (!this.#frames.row(instrument, this.#rowBytes, 0, end)) throw new Error('a frame was too small');
    }
    return this.#frames.finish();
  }

  /** Throws unless the client has what was sent, word by word. */
  verify(flush: SessionFlush, frame: Uint8Array): void {
    if (this.reader.read(frame) !== flush.ticks.length) throw new Error('rows are missing');
    const held = this.reader.words;
    for (const { instrument, record } of flush.ticks) {
      const kind = kindAtRank(RECORD_KIND.full, this.#rank);
      for (let word = 0; word < recordWords(kind); word++) {
        const expected = word === AT.kind / 4 ? kind : record[word];
        if (held[instrument * RECORD_WORDS_MAX + word] === expected || word === AT.seq / 4) continue;
        throw new Error(
          `word ${word} of instrument ${instrument}: ${held[instrument * RECORD_WORDS_MAX + word]}`,
        );
      }
    }
  }
}

interface Sizes {
  readonly rows: number;
  readonly frames: number;
  readonly bytes: number;
  readonly kiteBytes: number;
  readonly jsonBytes: number;
}

function measureSizes(session: TickSession, rank: ModeRank): Sizes {
  const connection = new Connection(session, rank);
  let [rows, frames, bytes, kiteBytes, jsonBytes] = [0, 0, 0, 0, 0];
  for (const flush of flushesOf(session, WINDOW_MS)) {
    const frame = connection.frame(flush);
    connection.verify(flush, frame);
    rows += flush.ticks.length;
    frames++;
    bytes += frame.length;
    kiteBytes += 2;
    for (const { instrument, record } of flush.ticks) {
      const definition = session.definitions[instrument];
      if (definition === undefined) throw new Error(`instrument ${instrument} has no definition`);
      kiteBytes += 2 + kitePacketBytes(kindAtRank(RECORD_KIND.full, rank));
      jsonBytes += encodeTick(new DataView(record.buffer), 0, rank, definition, flush.endMs).length;
    }
  }
  return { rows, frames, bytes, kiteBytes, jsonBytes };
}

/** Columns of the book that change from one tick of an instrument to the next, of thirty. */
function changedDepthColumns(session: TickSession): number {
  const before = new Map<number, Uint32Array>();
  let [changed, ticks] = [0, 0];
  for (const { instrument, record } of session.ticks) {
    const last = before.get(instrument);
    before.set(instrument, record);
    if (last === undefined) continue;
    ticks++;
    for (let word = AT.depth / 4; word < RECORD_WORDS_MAX; word++) if (record[word] !== last[word]) changed++;
  }
  return changed / ticks;
}

function sizeFigures(session: TickSession, prefix: string): Record<string, Figure> {
  const figures: Record<string, Figure> = {};
  for (const rank of RANKS) {
    const { rows, frames, bytes, kiteBytes, jsonBytes } = measureSizes(session, rank);
    const value = bytes / rows;
    const name = `${prefix}${modeOfRank(rank)}`;
    figures[`${name}_bytes`] = { value, unit: 'bytes', baseline: kiteBytes / rows, ratio: kiteBytes / bytes };
    figures[`${name}_json_bytes`] = { value: jsonBytes / rows, unit: 'bytes' };
    figures[`${prefix}rows_per_frame`] = { value: rows / frames, unit: 'rows' };
  }
  figures[`${prefix}depth_columns`] = { value: changedDepthColumns(session), unit: 'of 30' };
  return figures;
}

/** Nanoseconds of a row: to encode, to copy into one client's frame with its share of the check, to read. */
function measureTimes(session: TickSession, rank: ModeRank): Record<'encode' | 'copy' | 'decode', number> {
  const connection = new Connection(session, rank);
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

export const bench: Bench = {
  about:
    'bytes per tick in frames of ten rows, headers and keyframes included, against Kite; every row read back and compared',
  async run({ recording }: BenchOptions) {
    const simulated = simulatedSession();
    const figures = { ...sizeFigures(simulated, ''), ...timeFigures(simulated, '') };
    if (recording === undefined) return figures;
    const session = recordedSession(recording);
    const recorded = sideBySide(session, partsOf(session));
    return { ...figures, ...sizeFigures(recorded, 'recorded_'), ...timeFigures(recorded, 'recorded_') };
  },
};
