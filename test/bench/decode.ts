// Decoding Kite's packets: ours against the official client's parser, same bytes, same process.
import { KiteTicker } from 'kiteconnect';
import { checkKiteFrame, decodeKitePacket } from '../../shared/kite-packet.ts';
import { RECORD_BYTES_MAX, RECORD_KIND, type RecordKind, readTick } from '../../shared/tick.ts';
import { type Bench, type Figure, nsFigure, nsPerItem } from './bench.ts';
import { kiteFrame } from './kite-frames.ts';

const PACKETS = 100;
const RECEIVED_AT_MS = 1_764_000_000_000;

/** Decodes every packet of the frame into one record, the way the sidecar's pipeline does. */
function decodeFrame(frame: Uint8Array<ArrayBuffer>, record: DataView, onRecord?: () => void): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const count = checkKiteFrame(view);
  if (typeof count === 'string') throw new Error(count);
  let at = 2;
  for (let i = 0; i < count; i++) {
    const length = view.getUint16(at);
    decodeKitePacket(view, at + 2, length, RECEIVED_AT_MS, record, 0);
    onRecord?.();
    at += 2 + length;
  }
  return count;
}

function measure(kind: RecordKind): { ours: number; objects: number; official: number } {
  const frame = kiteFrame(kind, PACKETS);
  const record = new DataView(new ArrayBuffer(RECORD_BYTES_MAX));
  // The method is public at run time and missing from the package's types.
  const ticker = new KiteTicker({ api_key: 'bench', access_token: 'bench' }) as unknown as {
    parseBinary(bytes: ArrayBuffer): unknown[];
  };
  const kept: unknown[] = [];
  return nsPerItem({
    ours: () => decodeFrame(frame, record),
    objects: () => {
      kept.length = 0;
      return decodeFrame(frame, record, () => kept.push(readTick(record, 0)));
    },
    official: () => ticker.parseBinary(frame.buffer).length,
  });
}

export const bench: Bench = {
  about: 'one packet into a tick record, and further into an object, against kiteconnect parseBinary',
  async run() {
    const figures: Record<string, Figure> = {};
    const kinds = [
      ['full_packet', RECORD_KIND.full],
      ['quote_packet', RECORD_KIND.quote],
      ['ltp_packet', RECORD_KIND.ltp],
    ] as const;
    for (const [name, kind] of kinds) {
      const { ours, objects, official } = measure(kind);
      figures[name] = nsFigure(ours, official);
      figures[`${name}_object`] = nsFigure(objects, official);
    }
    return figures;
  },
};
