// Kite's binary frames taken apart for tests, by our own decoder: it is compared with KiteTicker's elsewhere.
import { checkKiteFrame, decodeKitePacket } from '../../shared/kite-packet.ts';
import { RECORD_BYTES_MAX, recordWords } from '../../shared/tick.ts';

export interface KitePacket {
  /** Bytes of the packet. */
  readonly length: number;
  /** The tick record in it, as a sidecar makes it of a packet that came at time 0. */
  readonly record: Uint32Array;
}

/** Throws on a frame that is not whole, and on packets that a sidecar would refuse. */
export function packetsOf(frame: Uint8Array): KitePacket[] {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const count = checkKiteFrame(view);
  if (typeof count === 'string') throw new Error(count);
  const packets: KitePacket[] = [];
  for (let at = 2, i = 0; i < count; i++) {
    const length = view.getUint16(at);
    const words = new Uint32Array(RECORD_BYTES_MAX / 4);
    const kind = decodeKitePacket(view, at + 2, length, 0, new DataView(words.buffer), 0);
    if (typeof kind === 'string') throw new Error(kind);
    packets.push({ length, record: words.subarray(0, recordWords(kind)) });
    at += 2 + length;
  }
  return packets;
}
