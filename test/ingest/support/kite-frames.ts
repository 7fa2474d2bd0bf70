// Kite frames made and read by the letter of Kite's page, byte by byte, independent of the code under test.

/** Big-endian number of `size` bytes. */
export function numberAt(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + (bytes[at + i] as number);
  return value;
}

export function packetOf(length: number, words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(length);
  words.forEach((word, index) => {
    for (let i = 0; i < 4; i++) {
      if (index * 4 + i < length) bytes[index * 4 + i] = Math.floor(word / 2 ** (8 * (3 - i))) % 256;
    }
  });
  return bytes;
}

export function ltpPacket(token: number, price: number): Uint8Array {
  return packetOf(8, [token, price]);
}

export interface FullFields {
  readonly price?: number;
  readonly volume?: number;
  readonly high?: number;
  readonly low?: number;
  readonly lastTradeTimeS?: number;
  readonly exchangeTimeS?: number;
  /** Best prices; the other levels are empty. */
  readonly bid?: number;
  readonly ask?: number;
}

/** A full packet with at most one level on either side. */
export function fullPacket(token: number, fields: FullFields = {}): Uint8Array {
  const { price = 100, volume = 0, high = 0, low = 0, lastTradeTimeS = 0, exchangeTimeS = 0 } = fields;
  const { bid = 0, ask = 0 } = fields;
  const day = [token, price, 0, 0, volume, 0, 0, 0, high, low, 0, lastTradeTimeS, 0, 0, 0, exchangeTimeS];
  const side = (best: number) => [best === 0 ? 0 : 75, best, 0, ...Array.from({ length: 12 }, () => 0)];
  return packetOf(184, [...day, ...side(bid), ...side(ask)]);
}

/** Index in full mode: its last price, and when. */
export function indexPacket(token: number, price: number, exchangeTimeS: number): Uint8Array {
  return packetOf(32, [token, price, 0, 0, 0, 0, 0, exchangeTimeS]);
}

export function frameOf(packets: readonly Uint8Array[]): Uint8Array {
  const bytes = [Math.floor(packets.length / 256), packets.length % 256];
  for (const packet of packets) bytes.push(Math.floor(packet.length / 256), packet.length % 256, ...packet);
  return Uint8Array.from(bytes);
}

/** The packets of a frame, or undefined when its lengths do not add up to it. */
export function splitFrame(frame: Uint8Array): Uint8Array[] | undefined {
  if (frame.length < 2) return undefined;
  const packets: Uint8Array[] = [];
  let at = 2;
  for (let left = numberAt(frame, 0, 2); left > 0; left--) {
    if (frame.length - at < 2) return undefined;
    const length = numberAt(frame, at, 2);
    if (frame.length - at - 2 < length) return undefined;
    packets.push(frame.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return at === frame.length ? packets : undefined;
}

const TRADABLE = [
  'token',
  'lastPrice',
  'lastQuantity',
  'averagePrice',
  'volume',
  'buyQuantity',
  'sellQuantity',
  'open',
  'high',
  'low',
  'close',
  'lastTradeTime',
  'oi',
  'oiDayHigh',
  'oiDayLow',
  'exchangeTimestamp',
] as const;
const INDEX = ['token', 'lastPrice', 'high', 'low', 'open', 'close', '', 'exchangeTimestamp'] as const;

/** Fields of a packet by name, or undefined when Kite has no such packet. Depth is `depth0.price` and so on. */
export function readPacket(packet: Uint8Array): Map<string, number> | undefined {
  if (packet.length < 8) return undefined;
  const token = numberAt(packet, 0, 4);
  const isIndexToken = token % 256 === 9;
  const lengths = isIndexToken ? [8, 28, 32] : [8, 44, 184];
  if (token === 0 || !lengths.includes(packet.length)) return undefined;
  const fields = new Map<string, number>();
  const names = isIndexToken ? INDEX : TRADABLE;
  names.forEach((name, index) => {
    if (name !== '' && index * 4 + 4 <= packet.length) fields.set(name, numberAt(packet, index * 4, 4));
  });
  if (packet.length === 184) {
    for (let level = 0; level < 10; level++) {
      fields.set(`depth${level}.quantity`, numberAt(packet, 64 + level * 12, 4));
      fields.set(`depth${level}.price`, numberAt(packet, 68 + level * 12, 4));
      fields.set(`depth${level}.orders`, numberAt(packet, 72 + level * 12, 2));
    }
  }
  return fields;
}
