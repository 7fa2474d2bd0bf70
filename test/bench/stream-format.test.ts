import { describe, expect, it } from 'vitest';
import { encodeKitePacket, KITE_PACKET_BYTES } from '../../shared/kite-packet.ts';
import { AT, RECORD_KIND } from '../../shared/tick.ts';
import { encodeTick } from '../../worker/dialects/native-json/tick.ts';
import { MessageHeads, OPCODE } from './message-heads.ts';
import { RoundMarket } from './round-market.ts';
import { emptyTally, FORMATS, type FormatName, type Tally } from './stream-format.ts';
import { decoderOf } from './tick-decoder.ts';

const NOW_MS = 1_795_405_200_000;

/** What a client notes of these messages: binary ones are bytes, text ones text. */
function noted(format: FormatName, messages: readonly (Buffer | string)[]): Tally {
  const tally = emptyTally();
  const heads = new MessageHeads();
  for (const message of messages) {
    const payload = Buffer.from(message as string);
    const opcode = typeof message === 'string' ? OPCODE.text : OPCODE.binary;
    const header = Buffer.from([0x80 | opcode, 126, payload.length >> 8, payload.length & 0xff]);
    const frame = Buffer.concat([header, payload]);
    heads.push(frame, 0, frame.length, () => FORMATS[format].note(heads, tally));
  }
  return tally;
}

/** A binary frame as far as a head is looked at. */
function frame(counter: number): Buffer {
  return Buffer.from([0x10, counter & 0xff, counter >> 8, 0, 0, 0, 0]);
}

describe('what a counting client notes', () => {
  it('counters that go on, over their end too', () => {
    const messages = ['{"type":"subscribed"}', 0x8000 | 0x7ffe, 0x7fff, 0, 1];
    const tally = noted(
      'binary',
      messages.map((message) => (typeof message === 'string' ? message : frame(message))),
    );
    expect(tally).toMatchObject({ frames: 4, bytes: 28, gaps: 0, complaints: 0, acknowledged: true });
  });

  it.each([
    ['a frame is missing', [0, 2]],
    ['a frame comes twice', [5, 5]],
    ['a restart comes later than first', [0, 0x8001]],
  ])('%s', (_, counters) => {
    expect(noted('binary', counters.map(frame)).gaps).toBe(1);
  });

  it('ticks and complaints of each text format, by how messages begin', () => {
    const tick = '{"type":"tick","data":{}}';
    const ticks = '{"type":"ticks","data":[]}';
    const lag = '{"type":"lag","skipped":3}';
    expect(noted('json_per_tick', [tick, tick, lag, '{"type":"feed"}'])).toMatchObject({
      frames: 2,
      ticks: 2,
      complaints: 1,
    });
    expect(noted('json_batched', [ticks, '{"type":"error"}', lag])).toMatchObject({
      frames: 1,
      complaints: 2,
    });
  });

  it("the packets that Kite's frames say they have, heartbeats aside", () => {
    const messages = [Buffer.from([0]), Buffer.from([0, 3, 9, 9]), Buffer.from([1, 2, 9]), '{"type":"lag"}'];
    expect(noted('kite', messages)).toMatchObject({ frames: 2, bytes: 7, ticks: 3 + 258, complaints: 1 });
  });
});

describe('what a sampled client decodes', () => {
  const market = new RoundMarket(4, NOW_MS);
  market.next(1, 0);
  const tokenAt = (position: number) => market.definitions[position]?.instrument_token as number;

  function kiteFrame(positions: readonly number[]): Buffer {
    const bytes = Buffer.alloc(2 + positions.length * (2 + KITE_PACKET_BYTES.full));
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint16(0, positions.length);
    for (const [i, position] of positions.entries()) {
      const at = 2 + i * (2 + KITE_PACKET_BYTES.full);
      view.setUint16(at, KITE_PACKET_BYTES.full);
      encodeKitePacket(market.records, market.recordOffset(position), RECORD_KIND.full, view, at + 2);
    }
    return bytes;
  }

  function tickText(position: number): string {
    const definition = market.definitions[position] as (typeof market.definitions)[number];
    return encodeTick(market.records, market.recordOffset(position), 3, definition, 77);
  }

  it("tells Kite's packets with the market's values from others", () => {
    const decoder = decoderOf('kite', market, [1, 3]);
    const bytes = kiteFrame([1, 3]);
    expect(decoder.decode(bytes, true)).toEqual([
      { token: tokenAt(1), isCurrent: true },
      { token: tokenAt(3), isCurrent: true },
    ]);
    // The orders of the last level's entry.
    bytes[bytes.length - 3] = (bytes.at(-3) as number) ^ 1;
    expect(decoder.decode(bytes, true).map(({ isCurrent }) => isCurrent)).toEqual([true, false]);
    expect(() => decoder.decode(kiteFrame([0]), true)).toThrow('not subscribed');
  });

  it('tells JSON ticks with the market\u2019s values from others, whatever their sequence', () => {
    const decoder = decoderOf('json_per_tick', market, [2]);
    expect(decoder.decode(Buffer.from(tickText(2)), false)).toEqual([{ token: tokenAt(2), isCurrent: true }]);
    const at = market.recordOffset(2) + AT.volume;
    const text = tickText(2);
    market.records.setUint32(at, market.records.getUint32(at, true) + 1, true);
    expect(decoder.decode(Buffer.from(text), false)).toEqual([{ token: tokenAt(2), isCurrent: false }]);
    expect(() => decoder.decode(Buffer.from('{"type":"lag","skipped":1}'), false)).toThrow('the server says');
  });
});

describe('a market in rounds', () => {
  it('ticks every instrument in each round, or each part of them in its turn', () => {
    const market = new RoundMarket(6, NOW_MS);
    expect(market.definitions).toHaveLength(6);
    expect(market.next(1, 0)).toEqual([0, 1, 2, 3, 4, 5]);
    expect([0, 1, 2].map((part) => market.next(3, part))).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    const receivedAtMs = [0, 1, 2, 3, 4, 5].map((position) =>
      market.records.getUint32(market.recordOffset(position) + AT.receivedAtLow, true),
    );
    expect(new Set(receivedAtMs)).toEqual(new Set([(NOW_MS + 200) >>> 0]));
  });
});
