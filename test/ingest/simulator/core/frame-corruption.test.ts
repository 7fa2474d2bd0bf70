// A corrupted frame never passes for other ticks: it is refused whole, or what was good in it is still there.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { corruptFrame, FRAME_CORRUPTIONS } from '../../../../ingest/simulator/core/frame-corruption.ts';
import { RandomStream } from '../../../../ingest/simulator/core/random.ts';
import { checkKiteFrame, decodeKitePacket, KITE_PACKET_BYTES } from '../../../../shared/kite-packet.ts';
import { KITE_FRAME_BYTES_MAX } from '../../../../shared/limits.ts';
import { RECORD_BYTES_MAX } from '../../../../shared/tick.ts';

const INFY = 408_065;
const NIFTY = 256_265;
const { ltp, quote, full, indexQuote, indexFull } = KITE_PACKET_BYTES;

const packet = fc.oneof(
  fc.record({ token: fc.constant(INFY), length: fc.constantFrom(ltp, quote, full) }),
  fc.record({ token: fc.constant(NIFTY), length: fc.constantFrom(ltp, indexQuote, indexFull) }),
);

function frameOf(packets: readonly { token: number; length: number }[], fill: number): Uint8Array {
  const frame = new Uint8Array(2 + packets.reduce((sum, { length }) => sum + 2 + length, 0)).fill(fill);
  const view = new DataView(frame.buffer);
  view.setUint16(0, packets.length);
  let at = 2;
  for (const { token, length } of packets) {
    view.setUint16(at, length);
    view.setUint32(at + 2, token);
    at += 2 + length;
  }
  return frame;
}

/** Faults of the packets of a frame that holds together. */
function packetFaults(frame: Uint8Array, count: number): string[] {
  const view = new DataView(frame.buffer);
  const record = new DataView(new ArrayBuffer(RECORD_BYTES_MAX));
  const faults: string[] = [];
  let at = 2;
  for (let left = count; left > 0; left--) {
    const length = view.getUint16(at);
    const outcome = decodeKitePacket(view, at + 2, length, 0, record, 0);
    if (typeof outcome === 'string') faults.push(outcome);
    at += 2 + length;
  }
  return faults;
}

test.each(FRAME_CORRUPTIONS)('%s is found out by who checks lengths, and changes no good packet', (how) => {
  const runs = how === 'too_big' ? 5 : 300;
  fc.assert(
    fc.property(
      fc.array(packet, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      (packets, fill, seed) => {
        const frame = frameOf(packets, fill);
        const before = frame.slice();
        const corrupted = corruptFrame(frame, how, new RandomStream(seed));
        expect(frame).toEqual(before);
        if (how === 'too_big') {
          expect(corrupted.byteLength).toBe(KITE_FRAME_BYTES_MAX + 1);
          return;
        }
        const checked = checkKiteFrame(new DataView(corrupted.buffer));
        if (typeof checked === 'string') return;
        // One more packet, which is refused by itself; those in front of it are as they were.
        expect(checked).toBe(packets.length + 1);
        expect(packetFaults(corrupted, checked)).toHaveLength(1);
        expect(corrupted.slice(2, frame.byteLength)).toEqual(frame.slice(2));
      },
    ),
    { numRuns: runs },
  );
});

test('each way has its own fault', () => {
  const frame = frameOf(
    [
      { token: INFY, length: quote },
      { token: NIFTY, length: indexFull },
    ],
    7,
  );
  const faultOf = (how: (typeof FRAME_CORRUPTIONS)[number]) => {
    const corrupted = corruptFrame(frame, how, new RandomStream(1));
    const checked = checkKiteFrame(new DataView(corrupted.buffer));
    return typeof checked === 'string' ? checked : packetFaults(corrupted, checked)[0];
  };
  expect(Object.fromEntries(FRAME_CORRUPTIONS.map((how) => [how, faultOf(how)]))).toEqual({
    truncated: 'frame_truncated',
    overlong: 'frame_overlong',
    count_high: 'frame_truncated',
    count_low: 'frame_overlong',
    length_high: 'frame_truncated',
    length_low: 'frame_overlong',
    noise: 'frame_truncated',
    unknown_length: 'packet_length_unknown',
    wrong_segment: 'packet_length_not_for_segment',
    token_zero: 'packet_token_zero',
    too_big: 'frame_overlong',
  });
});
