// Kite's packets: round trips of all kinds, Kite's own parser as the oracle, and frames that lie about their lengths.
import fc from 'fast-check';
import { KiteTicker } from 'kiteconnect';
import { describe, expect, test } from 'vitest';
import { priceDivisorOf, SEGMENT } from '../../shared/instrument.ts';
import {
  checkKiteFrame,
  decodeKitePacket,
  encodeKitePacket,
  isKiteHeartbeat,
  KITE_PACKET_BYTES,
  kitePacketBytes,
} from '../../shared/kite-packet.ts';
import {
  AT,
  RECORD_BYTES_MAX,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  type RecordKind,
  recordWords,
} from '../../shared/tick.ts';
import { arbitraryRecord, arbitraryToken, KINDS, SEGMENTS } from './arbitrary-records.ts';

/** Kinds that packets are of: Greeks are the sidecar's. */
const PACKET_KINDS = KINDS.filter((kind) => kind !== RECORD_KIND.optionFull);

function packetOf(record: Uint32Array, kind: RecordKind): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(kitePacketBytes(kind));
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  expect(encodeKitePacket(view, 0, kind, new DataView(bytes.buffer), 0)).toBe(bytes.length);
  return bytes;
}

function frameOf(packets: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 + packets.reduce((sum, packet) => sum + 2 + packet.length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, packets.length);
  let at = 2;
  for (const packet of packets) {
    view.setUint16(at, packet.length);
    bytes.set(packet, at + 2);
    at += 2 + packet.length;
  }
  return bytes;
}

/** Decodes into memory full of ones, so that a word that is not written shows. */
function decode(packet: Uint8Array, receivedAtMs: number): Uint32Array | string {
  const words = new Uint32Array(RECORD_WORDS_MAX).fill(0xffff_ffff);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const kind = decodeKitePacket(view, 0, packet.length, receivedAtMs, new DataView(words.buffer), 0);
  return typeof kind === 'string' ? kind : words.subarray(0, recordWords(kind));
}

function receivedAtMsOf(record: Uint32Array): number {
  return (record[2] as number) * 0x1_0000_0000 + (record[3] as number);
}

describe('round trip', () => {
  for (const kind of PACKET_KINDS) {
    test(`kind ${kind}: what is encoded is decoded, every word of it`, () => {
      fc.assert(
        fc.property(arbitraryRecord([kind]), (record) => {
          expect(decode(packetOf(record, kind), receivedAtMsOf(record))).toEqual(record);
        }),
        { numRuns: 300 },
      );
    });
  }

  test('a record is encoded as a lower kind without anything of the higher', () => {
    fc.assert(
      fc.property(arbitraryRecord([RECORD_KIND.full]), (record) => {
        const quote = decode(packetOf(record, RECORD_KIND.quote), receivedAtMsOf(record)) as Uint32Array;
        expect(quote[1]).toBe(RECORD_KIND.quote);
        expect(quote.subarray(2)).toEqual(record.subarray(2, recordWords(RECORD_KIND.quote)));
        expect(packetOf(record, RECORD_KIND.ltp)).toEqual(packetOf(record, RECORD_KIND.quote).subarray(0, 8));
      }),
      { numRuns: 100 },
    );
  });

  test('orders that do not fit Kite’s 16 bits are clamped, not wrapped', () => {
    const record = new Uint32Array(RECORD_WORDS_MAX);
    record.set([408_065, RECORD_KIND.full]);
    record[AT.depth / 4 + 2] = 65_536;
    const decoded = decode(packetOf(record, RECORD_KIND.full), 0) as Uint32Array;
    expect(decoded[AT.depth / 4 + 2]).toBe(65_535);
  });

  test('decoding writes its record and nothing beside it', () => {
    fc.assert(
      fc.property(arbitraryRecord(), (record) => {
        const kind = record[1] as RecordKind;
        const packet = packetOf(record, kind);
        const out = new Uint8Array(RECORD_BYTES_MAX * 3).fill(0xaa);
        const view = new DataView(packet.buffer);
        decodeKitePacket(view, 0, packet.length, 0, new DataView(out.buffer), RECORD_BYTES_MAX);
        const end = RECORD_BYTES_MAX + recordWords(kind) * 4;
        const outside = [...out.subarray(0, RECORD_BYTES_MAX), ...out.subarray(end)];
        expect(outside.every((byte) => byte === 0xaa)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe('Kite’s own parser reads the same values from the same bytes', () => {
  // The package's types do not name its parser.
  const ticker = new KiteTicker({ api_key: 'k', access_token: 't' }) as unknown as {
    parseBinary(frame: ArrayBuffer): Record<string, unknown>[];
  };
  const oracle = (frame: Uint8Array<ArrayBuffer>) => ticker.parseBinary(frame.buffer);

  /** Expected fields of Kite's parser for a record, from its words alone. */
  function expected(record: Uint32Array, signed: (word: number) => number): Record<string, unknown> {
    const word = (offset: number) => signed(record[offset / 4] as number);
    const kind = record[1] as RecordKind;
    const divisor = priceDivisorOf(record[0] as number);
    const price = (offset: number) => word(offset) / divisor;
    const time = (offset: number) => (word(offset) === 0 ? null : new Date(word(offset) * 1000));
    const isIndexKind = kind === RECORD_KIND.indexQuote || kind === RECORD_KIND.indexFull;
    const isFull = kind === RECORD_KIND.full || kind === RECORD_KIND.indexFull;
    const base = {
      tradable: ((record[0] as number) & 0xff) !== SEGMENT.INDICES,
      instrument_token: word(AT.token),
      last_price: price(AT.lastPrice),
    };
    if (kind === RECORD_KIND.ltp) return { ...base, mode: 'ltp' };
    const ohlc = { open: price(AT.open), high: price(AT.high), low: price(AT.low), close: price(AT.close) };
    const common = { ...base, mode: isFull ? 'full' : 'quote', ohlc };
    if (isIndexKind) return isFull ? { ...common, exchange_timestamp: time(AT.exchangeTimestamp) } : common;
    const quote = {
      ...common,
      last_traded_quantity: word(AT.lastQuantity),
      average_traded_price: price(AT.averagePrice),
      volume_traded: word(AT.volume),
      total_buy_quantity: word(AT.buyQuantity),
      total_sell_quantity: word(AT.sellQuantity),
    };
    if (!isFull) return quote;
    const side = (at: number) =>
      [0, 12, 24, 36, 48].map((level) => ({
        quantity: word(at + level),
        price: price(at + level + 4),
        orders: word(at + level + 8),
      }));
    return {
      ...quote,
      last_trade_time: time(AT.lastTradeTime),
      exchange_timestamp: time(AT.exchangeTimestamp),
      oi: word(AT.oi),
      oi_day_high: word(AT.oiDayHigh),
      oi_day_low: word(AT.oiDayLow),
      depth: { buy: side(AT.depth), sell: side(AT.depth + 60) },
    };
  }

  function compare(record: Uint32Array, signed: (word: number) => number): void {
    const kind = record[1] as RecordKind;
    const frame = frameOf([packetOf(record, kind)]);
    const decoded = decode(frame.subarray(4), receivedAtMsOf(record)) as Uint32Array;
    const { change: _, ...theirs } = oracle(frame)[0] ?? {};
    expect(theirs).toEqual(expected(decoded, signed));
  }

  test('for values below 2^31 of every segment and kind', () => {
    const small = arbitraryRecord().map((record) => {
      const token = record[0] as number;
      const copy = record.map((word, i) => (i < 4 ? word : word % 0x8000_0000));
      copy[0] = token % 0x8000_0000 || token;
      return copy;
    });
    fc.assert(
      fc.property(small, (record) => compare(record, (word) => word)),
      { numRuns: 400 },
    );
  });

  test('and from 2^31 on theirs are ours as signed numbers: the bits agree, their signs are wrong', () => {
    fc.assert(
      fc.property(arbitraryRecord(), (record) => compare(record, (word) => word | 0)),
      { numRuns: 400 },
    );
    const record = new Uint32Array(RECORD_WORDS_MAX);
    record.set([408_065, RECORD_KIND.quote]);
    record[AT.volume / 4] = 3_000_000_000;
    const packet = packetOf(record, RECORD_KIND.quote);
    expect((decode(packet, 0) as Uint32Array)[AT.volume / 4]).toBe(3_000_000_000);
    expect(oracle(frameOf([packet]))[0]?.volume_traded).toBe(-1_294_967_296);
  });

  test('every segment has the divisor that Kite’s parser has', () => {
    for (const segment of SEGMENTS) {
      const record = Uint32Array.of(123 * 256 + segment, RECORD_KIND.ltp, 0, 0, 0, 1_234_567_890);
      const [tick] = oracle(frameOf([packetOf(record, RECORD_KIND.ltp)]));
      expect(tick?.last_price, `segment ${segment}`).toBe(
        1_234_567_890 / priceDivisorOf(record[0] as number),
      );
    }
  });

  test('the change that an index packet carries is signed', () => {
    const record = new Uint32Array(recordWords(RECORD_KIND.indexQuote));
    record.set([256_265, RECORD_KIND.indexQuote, 0, 0, 0, 100]);
    record[AT.close / 4] = 250;
    const packet = packetOf(record, RECORD_KIND.indexQuote);
    expect(new DataView(packet.buffer).getInt32(24)).toBe(-150);
  });
});

describe('frames', () => {
  const frames = fc.array(arbitraryRecord(), { maxLength: 8 }).map((records) => ({
    records,
    bytes: frameOf(records.map((record) => packetOf(record, record[1] as RecordKind))),
  }));
  const check = (bytes: Uint8Array) =>
    checkKiteFrame(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));

  test('a whole frame is its packet count', () => {
    fc.assert(
      fc.property(frames, ({ records, bytes }) => {
        expect(check(bytes)).toBe(records.length);
      }),
      { numRuns: 100 },
    );
  });

  test('cut at any length it is truncated, and longer by any bytes it is over-long', () => {
    fc.assert(
      fc.property(frames, fc.uint8Array({ minLength: 1, maxLength: 300 }), ({ bytes }, extra) => {
        for (let length = 0; length < bytes.length; length++) {
          expect(check(bytes.subarray(0, length))).toBe('frame_truncated');
        }
        expect(check(Uint8Array.from([...bytes, ...extra]))).toBe('frame_overlong');
      }),
      { numRuns: 30 },
    );
  });

  test('a count or a length that lies is a fault, unless the lengths still add up to the frame', () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.nat(0xffff), ({ records, bytes }, pick, lie) => {
        const lied = bytes.slice();
        const view = new DataView(lied.buffer);
        const lengthAts = [0];
        for (let at = 2; at < lied.length; at += 2 + view.getUint16(at)) lengthAts.push(at);
        const at = lengthAts[pick % lengthAts.length] as number;
        const truth = view.getUint16(at);
        view.setUint16(at, lie);
        const verdict = check(lied);
        if (lie === truth) expect(verdict).toBe(records.length);
        else if (at === 0) expect(verdict).toBe(lie > truth ? 'frame_truncated' : 'frame_overlong');
        else if (typeof verdict === 'number') {
          // The bytes of the packets happen to spell other lengths: then the walk still ends with the frame.
          let end = 2;
          for (let i = 0; i < verdict; i++) end += 2 + view.getUint16(end);
          expect(end).toBe(lied.length);
        } else expect(verdict).toMatch(/^frame_(truncated|overlong)$/);
      }),
      { numRuns: 500 },
    );
  });

  test('any bytes: a verdict, and every packet of an accepted frame is decoded or refused inside it', () => {
    const noise = fc.uint8Array({ maxLength: 400 });
    fc.assert(
      fc.property(noise, (bytes) => {
        const packets = check(bytes);
        if (typeof packets === 'string') return;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const out = new DataView(new ArrayBuffer(RECORD_BYTES_MAX));
        for (let i = 0, at = 2; i < packets; i++) {
          const length = view.getUint16(at);
          decodeKitePacket(view, at + 2, length, 0, out, 0);
          at += 2 + length;
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test('flipped bits inside packets never change what kind of record a token has', () => {
    fc.assert(
      fc.property(arbitraryRecord(PACKET_KINDS), fc.nat(), (record, pick) => {
        const packet = packetOf(record, record[1] as RecordKind);
        const bit = pick % (packet.length * 8);
        packet[bit >> 3] = (packet[bit >> 3] as number) ^ (1 << (bit & 7));
        const decoded = decode(packet, 0);
        const token = new DataView(packet.buffer).getUint32(0);
        if (token === 0) expect(decoded).toBe('packet_token_zero');
        else if (typeof decoded === 'string') expect(decoded).toBe('packet_length_not_for_segment');
        else expect([decoded[0], decoded[1]]).toEqual([token, record[1]]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('only lengths that exist, and only for the segments that have them', () => {
    const bytes = new Uint8Array(300);
    const view = new DataView(bytes.buffer);
    const decodeAs = (token: number, length: number) => {
      view.setUint32(0, token);
      return decodeKitePacket(view, 0, length, 0, new DataView(new ArrayBuffer(RECORD_BYTES_MAX)), 0);
    };
    const { ltp, quote, full, indexQuote, indexFull } = KITE_PACKET_BYTES;
    for (let length = 0; length <= 300; length++) {
      const isShared = length === ltp;
      const isTradable = isShared || length === quote || length === full;
      const isIndex = isShared || length === indexQuote || length === indexFull;
      const fault = isTradable || isIndex ? 'packet_length_not_for_segment' : 'packet_length_unknown';
      const [tradable, index] = [decodeAs(408_065, length), decodeAs(256_265, length)];
      if (isTradable) expect(typeof tradable, `length ${length}`).toBe('number');
      else expect(tradable, `length ${length}`).toBe(fault);
      if (isIndex) expect(typeof index, `length ${length}`).toBe('number');
      else expect(index, `length ${length}`).toBe(fault);
    }
    expect(decodeAs(0, ltp)).toBe('packet_token_zero');
  });

  test('a heartbeat is a frame too short to hold a count', () => {
    expect([0, 1, 2, 3].map(isKiteHeartbeat)).toEqual([true, true, false, false]);
    expect(check(new Uint8Array(2))).toBe(0);
  });

  test('a packet may start anywhere in its frame', () => {
    fc.assert(
      fc.property(arbitraryToken(RECORD_KIND.ltp), fc.nat(9), (token, offset) => {
        const bytes = new Uint8Array(offset + 8);
        new DataView(bytes.buffer).setUint32(offset, token);
        const out = new DataView(new ArrayBuffer(RECORD_BYTES_MAX));
        expect(decodeKitePacket(new DataView(bytes.buffer), offset, 8, 0, out, 0)).toBe(RECORD_KIND.ltp);
        expect(out.getUint32(AT.token, true)).toBe(token);
      }),
      { numRuns: 50 },
    );
  });
});
