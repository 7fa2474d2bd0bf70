// A session as the binary wire carries it: one connection's frames, written and read back, and what they take in bytes.
import { kitePacketBytes } from '../../shared/kite-packet.ts';
import {
  AT,
  kindAtRank,
  type ModeRank,
  RECORD_WORDS_MAX,
  type RecordKind,
  recordWords,
} from '../../shared/tick.ts';
import { FlushTimes } from '../../shared/wire/flush-times.ts';
import { FrameWriter } from '../../shared/wire/frame.ts';
import { FrameReader } from '../../shared/wire/frame-reader.ts';
import { RowEncoder } from '../../shared/wire/row-encoder.ts';
import { type Scale, scaleOfInstrument } from '../../shared/wire/scale.ts';
import { encodeTick } from '../../worker/dialects/native-json/tick.ts';
import { flushesOf, type SessionFlush, type TickSession } from './tick-session.ts';

export const WINDOW_MS = 100;
/** From the end of a window to the gateway's flush: transport, and two clocks. */
const FLUSH_AFTER_MS = 40;

/** The server's and the client's end of one connection that has subscribed to all of a session in one mode. */
export class WireConnection {
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
      const kind = kindAtRank(record[AT.kind / 4] as RecordKind, this.#rank);
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

export interface WireSizes {
  readonly rows: number;
  readonly frames: number;
  readonly bytes: number;
  readonly kiteBytes: number;
  readonly jsonBytes: number;
}

/** Sizes of all frames of the session in one mode. Throws when a row is not read back as it was written. */
export function measureSizes(session: TickSession, rank: ModeRank): WireSizes {
  const connection = new WireConnection(session, rank);
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
      kiteBytes += 2 + kitePacketBytes(kindAtRank(record[AT.kind / 4] as RecordKind, rank));
      jsonBytes += encodeTick(new DataView(record.buffer), 0, rank, definition, flush.endMs).length;
    }
  }
  return { rows, frames, bytes, kiteBytes, jsonBytes };
}
