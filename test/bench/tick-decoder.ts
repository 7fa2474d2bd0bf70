// Decodes a whole stream of ticks, in each format that the edge speaks, and compares every value with the market's.
import { checkKiteFrame, decodeKitePacket } from '../../shared/kite-packet.ts';
import { AT, RECORD_BYTES_MAX, RECORD_WORDS_MAX } from '../../shared/tick.ts';
import { FrameReader } from '../../shared/wire/frame-reader.ts';
import { scaleOf } from '../../shared/wire/scale.ts';
import { encodeTick } from '../../worker/dialects/native-json/tick.ts';
import type { RoundMarket } from './round-market.ts';
import type { FormatName } from './stream-format.ts';

export interface DecodedTick {
  readonly token: number;
  /** Every value is the one that the market has now. */
  readonly isCurrent: boolean;
}

export interface TickDecoder {
  /** The ticks of a message; none when it is another one. Throws on what cannot be decoded and on complaints. */
  decode(message: Buffer, isBinary: boolean): DecodedTick[];
}

/** Where the market has the record of each of a client's instruments. */
class Truth {
  readonly #market: RoundMarket;
  readonly #positions: ReadonlyMap<number, number>;

  constructor(market: RoundMarket, positions: readonly number[]) {
    this.#market = market;
    this.#positions = new Map(
      positions.map((position) => [market.definitions[position]?.instrument_token as number, position]),
    );
  }

  positionOf(token: number): number {
    const position = this.#positions.get(token);
    if (position === undefined) throw new Error(`a tick of ${token}, which was not subscribed to`);
    return position;
  }

  /** Compares records word by word; `ignored` are those that the format does not carry. */
  isCurrent(token: number, view: DataView, at: number, ignored: readonly number[]): boolean {
    const recordAt = this.#market.recordOffset(this.positionOf(token));
    for (let offset = 0; offset < RECORD_BYTES_MAX; offset += 4) {
      const isSame =
        view.getUint32(at + offset, true) === this.#market.records.getUint32(recordAt + offset, true);
      if (!isSame && !ignored.includes(offset)) return false;
    }
    return true;
  }

  /** A JSON tick's values but for its sequence. */
  isCurrentJson({ seq: _, ...values }: Record<string, unknown>): boolean {
    const position = this.positionOf(values.instrument_token as number);
    const definition = this.#market.definitions[position];
    if (definition === undefined) return false;
    const text = encodeTick(this.#market.records, this.#market.recordOffset(position), 3, definition, 0);
    const { seq: __, ...expected } = JSON.parse(text).data;
    return JSON.stringify(values) === JSON.stringify(expected);
  }
}

interface NativeMessage {
  readonly type: string;
  readonly data?: unknown;
  readonly rejected?: unknown;
  readonly rows?: readonly (readonly [id: number, token: number, tick: number, lot: number])[];
}

function parseNative(message: Buffer): NativeMessage {
  const parsed = JSON.parse(String(message)) as NativeMessage;
  if (parsed.type === 'lag' || parsed.type === 'error' || parsed.rejected !== undefined) {
    throw new Error(`the server says ${String(message).slice(0, 200)}`);
  }
  return parsed;
}

class JsonDecoder implements TickDecoder {
  readonly #truth: Truth;

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  decode(message: Buffer): DecodedTick[] {
    const { type, data } = parseNative(message);
    const ticks = type === 'tick' ? [data] : type === 'ticks' ? data : [];
    return (ticks as Record<string, unknown>[]).map((values) => ({
      token: values.instrument_token as number,
      isCurrent: this.#truth.isCurrentJson(values),
    }));
  }
}

class BinaryDecoder implements TickDecoder {
  readonly #truth: Truth;
  readonly #reader = new FrameReader();

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  decode(message: Buffer, isBinary: boolean): DecodedTick[] {
    const reader = this.#reader;
    if (!isBinary) {
      const { rows } = parseNative(message);
      for (const [id, token, tick, lot] of rows ?? []) reader.assign(id, token, scaleOf(tick, lot));
      return [];
    }
    const rows = reader.read(message);
    return Array.from(reader.ids.subarray(0, rows), (id) => {
      const at = reader.byteOffset(id);
      const token = reader.view.getUint32(at + AT.token, true);
      return { token, isCurrent: this.#truth.isCurrent(token, reader.view, at, [AT.seq]) };
    });
  }
}

class KiteDecoder implements TickDecoder {
  readonly #truth: Truth;
  readonly #record = new DataView(new Uint32Array(RECORD_WORDS_MAX).buffer);

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  decode(message: Buffer, isBinary: boolean): DecodedTick[] {
    if (!isBinary || message.length < 2) return [];
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const packets = checkKiteFrame(view);
    if (typeof packets === 'string') throw new Error(`a frame of ${message.length} bytes: ${packets}`);
    const ticks: DecodedTick[] = [];
    let at = 2;
    for (let i = 0; i < packets; i++) {
      const length = view.getUint16(at);
      const kind = decodeKitePacket(view, at + 2, length, 0, this.#record, 0);
      if (typeof kind === 'string') throw new Error(`packet ${i} of ${packets}: ${kind}`);
      const token = this.#record.getUint32(AT.token, true);
      const ignored = [AT.seq, AT.receivedAtHigh, AT.receivedAtLow];
      ticks.push({ token, isCurrent: this.#truth.isCurrent(token, this.#record, 0, ignored) });
      at += 2 + length;
    }
    return ticks;
  }
}

/** A decoder of one connection, whose instruments are these of the market. */
export function decoderOf(
  format: FormatName,
  market: RoundMarket,
  positions: readonly number[],
): TickDecoder {
  const truth = new Truth(market, positions);
  switch (format) {
    case 'binary':
      return new BinaryDecoder(truth);
    case 'kite':
      return new KiteDecoder(truth);
    case 'json_batched':
    case 'json_per_tick':
      return new JsonDecoder(truth);
    case 'packets':
      throw new Error('packets have no values to compare');
  }
}
