// Ticker frames made wrong on purpose, each in a way that a reader can tell: none of them passes for other, valid ticks.

import { checkKiteFrame } from '../../../shared/kite-packet.ts';
import { KITE_FRAME_BYTES_MAX } from '../../../shared/limits.ts';
import type { RandomStream } from './random.ts';

/** The frame is refused whole, or has one more packet that is refused by itself; `too_big` is over what readers take. */
export const FRAME_CORRUPTIONS = [
  'truncated',
  'overlong',
  'count_high',
  'count_low',
  'length_high',
  'length_low',
  'noise',
  'unknown_length',
  'wrong_segment',
  'token_zero',
  'too_big',
] as const;
export type FrameCorruption = (typeof FRAME_CORRUPTIONS)[number];

const COUNT_BYTES = 2;
const LENGTH_BYTES = 2;
const EXTRA_BYTES_MAX = 16;
const NOISE_BYTES_MAX = 512;
/** An index's token with a length that only tradables have, and the length that no packet has. */
const INDEX_TOKEN = 256_265;
const TRADABLE_PACKET_BYTES = 44;
const UNKNOWN_PACKET_BYTES = 20;
const LTP_PACKET_BYTES = 8;
const TRADABLE_TOKEN = 408_065;

/** A number from 0 to `below` - 1. */
function pick(random: RandomStream, below: number): number {
  return Math.floor(random.unit() * below);
}

/** Offsets of the length fields of a valid frame. */
function lengthOffsets(view: DataView): number[] {
  const offsets: number[] = [];
  let at = COUNT_BYTES;
  for (let left = view.getUint16(0); left > 0; left--) {
    offsets.push(at);
    at += LENGTH_BYTES + view.getUint16(at);
  }
  return offsets;
}

function withCount(frame: Uint8Array, difference: number): Uint8Array {
  const lying = frame.slice();
  const view = new DataView(lying.buffer);
  view.setUint16(0, view.getUint16(0) + difference);
  return lying;
}

/** Lies about the length of a packet, the last one if another lie would happen to add up. */
function withLength(frame: Uint8Array, difference: number, random: RandomStream): Uint8Array {
  const lying = frame.slice();
  const view = new DataView(lying.buffer);
  const offsets = lengthOffsets(view);
  const last = offsets.length - 1;
  for (const index of [pick(random, offsets.length), last]) {
    const at = offsets[index] as number;
    const length = view.getUint16(at);
    view.setUint16(at, length + difference);
    if (typeof checkKiteFrame(view) === 'string') return lying;
    view.setUint16(at, length);
  }
  return lying;
}

function withPacket(frame: Uint8Array, token: number, packetBytes: number): Uint8Array {
  const longer = new Uint8Array(frame.byteLength + LENGTH_BYTES + packetBytes);
  longer.set(frame);
  const view = new DataView(longer.buffer);
  view.setUint16(0, view.getUint16(0) + 1);
  view.setUint16(frame.byteLength, packetBytes);
  view.setUint32(frame.byteLength + LENGTH_BYTES, token);
  return longer;
}

function withTail(frame: Uint8Array, tailBytes: number): Uint8Array {
  const longer = new Uint8Array(frame.byteLength + tailBytes);
  longer.set(frame);
  return longer;
}

function noise(random: RandomStream): Uint8Array {
  const bytes = new Uint8Array(COUNT_BYTES + 1 + pick(random, NOISE_BYTES_MAX));
  for (let at = 0; at < bytes.length; at++) bytes[at] = pick(random, 256);
  // More packets than so few bytes can hold.
  bytes[0] = 0xff;
  return bytes;
}

/** A changed copy of `frame`, which is valid and has at least one packet. */
export function corruptFrame(frame: Uint8Array, how: FrameCorruption, random: RandomStream): Uint8Array {
  switch (how) {
    case 'truncated':
      return frame.slice(0, COUNT_BYTES + pick(random, frame.byteLength - COUNT_BYTES));
    case 'overlong':
      return withTail(frame, 1 + pick(random, EXTRA_BYTES_MAX));
    case 'count_high':
      return withCount(frame, 1 + pick(random, EXTRA_BYTES_MAX));
    case 'count_low':
      return withCount(frame, -1);
    case 'length_high':
      return withLength(frame, 1 + pick(random, EXTRA_BYTES_MAX), random);
    case 'length_low':
      return withLength(frame, -1, random);
    case 'noise':
      return noise(random);
    case 'unknown_length':
      return withPacket(frame, TRADABLE_TOKEN, UNKNOWN_PACKET_BYTES);
    case 'wrong_segment':
      return withPacket(frame, INDEX_TOKEN, TRADABLE_PACKET_BYTES);
    case 'token_zero':
      return withPacket(frame, 0, LTP_PACKET_BYTES);
    case 'too_big':
      return withTail(frame, KITE_FRAME_BYTES_MAX + 1 - frame.byteLength);
  }
}
