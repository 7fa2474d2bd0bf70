// Kite frames for benches: realistic numbers, so that no decoder meets only zeros.
import { encodeKitePacket, kitePacketBytes } from '../../shared/kite-packet.ts';
import { AT, DEPTH_LEVEL_BYTES, RECORD_BYTES_MAX, type RecordKind } from '../../shared/tick.ts';

/** One frame of `packets` packets of the kind, for tokens of NFO that ascend from `firstExchangeToken`. */
export function kiteFrame(
  kind: RecordKind,
  packets: number,
  firstExchangeToken = 40_000,
): Uint8Array<ArrayBuffer> {
  const packetBytes = kitePacketBytes(kind);
  const frame = new Uint8Array(2 + packets * (2 + packetBytes));
  const out = new DataView(frame.buffer);
  const record = new DataView(new ArrayBuffer(RECORD_BYTES_MAX));
  out.setUint16(0, packets);
  for (let i = 0; i < packets; i++) {
    const price = 10_000 + i * 37;
    record.setUint32(AT.token, ((firstExchangeToken + i) << 8) | 2, true);
    record.setUint32(AT.kind, kind, true);
    for (let offset = AT.lastPrice; offset < AT.depth; offset += 4)
      record.setUint32(offset, price + offset, true);
    record.setUint32(AT.open, price, true);
    record.setUint32(AT.high, price + 500, true);
    record.setUint32(AT.low, price - 500, true);
    record.setUint32(AT.exchangeTimestamp, 1_764_000_000, true);
    for (let level = 0; level < 10; level++) {
      const at = AT.depth + level * DEPTH_LEVEL_BYTES;
      record.setUint32(at, 75 * (level + 1), true);
      record.setUint32(at + 4, level < 5 ? price - 5 * (level + 1) : price + 5 * (level - 4), true);
      record.setUint32(at + 8, level + 1, true);
    }
    const at = 2 + i * (2 + packetBytes);
    out.setUint16(at, packetBytes);
    encodeKitePacket(record, 0, kind, out, at + 2);
  }
  return frame;
}
