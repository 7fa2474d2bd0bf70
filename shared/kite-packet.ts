// Kite's binary ticker packets, both ways (kite.trade/docs/connect/v3/websocket): the sidecar decodes, the simulator encodes.
//
// A frame is [u16 count] then count x ([u16 length][packet]), big-endian. Lengths say the kind: 8 ltp, 28 index quote,
// 32 index full, 44 quote, 184 full. Note that indices carry high, low, open and tradables open, high, low.
import { isIndex } from './instrument.ts';
import {
  AT,
  DEPTH_LEVEL_BYTES,
  DEPTH_LEVELS,
  RECORD_KIND,
  type RecordKind,
  writeReceivedAt,
} from './tick.ts';

export const KITE_PACKET_BYTES = { ltp: 8, indexQuote: 28, indexFull: 32, quote: 44, full: 184 } as const;

const DEPTH_AT = 64;
/** u32 quantity, u32 price, u16 orders, 2 bytes of padding. */
const DEPTH_ENTRY_BYTES = 12;

/** Why a frame or a packet was not decoded; each is a counter. */
export type KiteFault =
  | 'frame_truncated'
  | 'frame_overlong'
  | 'frame_too_big'
  | 'packet_length_unknown'
  | 'packet_length_not_for_segment'
  | 'packet_token_zero';

/** Kite's heartbeat is a single byte; its clients ignore anything too short to hold a count and a length. */
export function isKiteHeartbeat(byteLength: number): boolean {
  return byteLength < 2;
}

/**
 * Walks the frame's lengths before anything is decoded: a frame that lies about one length makes every later packet
 * start in the wrong place, so it is refused whole. Returns the packet count, or the fault.
 */
export function checkKiteFrame(view: DataView): number | 'frame_truncated' | 'frame_overlong' {
  const frameBytes = view.byteLength;
  if (frameBytes < 2) return 'frame_truncated';
  const count = view.getUint16(0);
  let at = 2;
  for (let i = 0; i < count; i++) {
    if (at + 2 > frameBytes) return 'frame_truncated';
    at += 2 + view.getUint16(at);
    if (at > frameBytes) return 'frame_truncated';
  }
  return at === frameBytes ? count : 'frame_overlong';
}

/** The record kind that a packet of this length for this token has, or why it has none. */
function kindOfPacket(
  token: number,
  length: number,
): RecordKind | 'packet_length_unknown' | 'packet_length_not_for_segment' {
  switch (length) {
    case KITE_PACKET_BYTES.ltp:
      return RECORD_KIND.ltp;
    case KITE_PACKET_BYTES.quote:
      return isIndex(token) ? 'packet_length_not_for_segment' : RECORD_KIND.quote;
    case KITE_PACKET_BYTES.full:
      return isIndex(token) ? 'packet_length_not_for_segment' : RECORD_KIND.full;
    case KITE_PACKET_BYTES.indexQuote:
      return isIndex(token) ? RECORD_KIND.indexQuote : 'packet_length_not_for_segment';
    case KITE_PACKET_BYTES.indexFull:
      return isIndex(token) ? RECORD_KIND.indexFull : 'packet_length_not_for_segment';
    default:
      return 'packet_length_unknown';
  }
}

/**
 * Decodes the packet at `at` (its first byte after the length) into a tick record at byte `outAt` of `out`.
 * The caller has checked the frame, so `at + length` is inside `view`; a DataView throws if it has not.
 * All fields are read unsigned: the official JavaScript client shifts bytes and turns values from 2^31 on negative.
 */
export function decodeKitePacket(
  view: DataView,
  at: number,
  length: number,
  receivedAtMs: number,
  out: DataView,
  outAt: number,
): RecordKind | KiteFault {
  if (length < KITE_PACKET_BYTES.ltp) return 'packet_length_unknown';
  const token = view.getUint32(at);
  if (token === 0) return 'packet_token_zero';
  const kind = kindOfPacket(token, length);
  if (typeof kind === 'string') return kind;
  out.setUint32(outAt + AT.token, token, true);
  out.setUint32(outAt + AT.kind, kind, true);
  writeReceivedAt(out, outAt, receivedAtMs);
  out.setUint32(outAt + AT.seq, 0, true);
  out.setUint32(outAt + AT.lastPrice, view.getUint32(at + 4), true);
  if (kind === RECORD_KIND.ltp) return kind;
  if (kind === RECORD_KIND.indexQuote || kind === RECORD_KIND.indexFull) {
    decodeIndex(view, at, kind, out, outAt);
    return kind;
  }
  for (let offset = 8; offset < KITE_PACKET_BYTES.quote; offset += 4) {
    out.setUint32(outAt + AT.lastQuantity - 8 + offset, view.getUint32(at + offset), true);
  }
  if (kind === RECORD_KIND.full) decodeFullTail(view, at, out, outAt);
  return kind;
}

function decodeIndex(view: DataView, at: number, kind: RecordKind, out: DataView, outAt: number): void {
  for (let offset = AT.lastQuantity; offset < AT.open; offset += 4) out.setUint32(outAt + offset, 0, true);
  out.setUint32(outAt + AT.high, view.getUint32(at + 8), true);
  out.setUint32(outAt + AT.low, view.getUint32(at + 12), true);
  out.setUint32(outAt + AT.open, view.getUint32(at + 16), true);
  out.setUint32(outAt + AT.close, view.getUint32(at + 20), true);
  // Bytes 24-27 are the price change, which every client recomputes from the close.
  if (kind !== RECORD_KIND.indexFull) return;
  for (let offset = AT.lastTradeTime; offset < AT.exchangeTimestamp; offset += 4) {
    out.setUint32(outAt + offset, 0, true);
  }
  out.setUint32(outAt + AT.exchangeTimestamp, view.getUint32(at + 28), true);
}

function decodeFullTail(view: DataView, at: number, out: DataView, outAt: number): void {
  for (let offset = KITE_PACKET_BYTES.quote; offset < DEPTH_AT; offset += 4) {
    out.setUint32(
      outAt + AT.lastTradeTime - KITE_PACKET_BYTES.quote + offset,
      view.getUint32(at + offset),
      true,
    );
  }
  let from = at + DEPTH_AT;
  let to = outAt + AT.depth;
  for (let level = 0; level < 2 * DEPTH_LEVELS; level++) {
    out.setUint32(to, view.getUint32(from), true);
    out.setUint32(to + 4, view.getUint32(from + 4), true);
    out.setUint32(to + 8, view.getUint16(from + 8), true);
    from += DEPTH_ENTRY_BYTES;
    to += DEPTH_LEVEL_BYTES;
  }
}

/** Bytes of the packet that carries a record of this kind. */
export function kitePacketBytes(kind: RecordKind): number {
  switch (kind) {
    case RECORD_KIND.ltp:
      return KITE_PACKET_BYTES.ltp;
    case RECORD_KIND.quote:
      return KITE_PACKET_BYTES.quote;
    case RECORD_KIND.full:
    case RECORD_KIND.optionFull:
      return KITE_PACKET_BYTES.full;
    case RECORD_KIND.indexQuote:
      return KITE_PACKET_BYTES.indexQuote;
    case RECORD_KIND.indexFull:
      return KITE_PACKET_BYTES.indexFull;
  }
}

/**
 * Writes the record at byte `recordAt` of `record` as a Kite packet of `kind` (the record's own or a lower one) at
 * `at` of `out`, without the length before it. Returns the bytes written.
 */
export function encodeKitePacket(
  record: DataView,
  recordAt: number,
  kind: RecordKind,
  out: DataView,
  at: number,
): number {
  const word = (offset: number) => record.getUint32(recordAt + offset, true);
  out.setUint32(at, word(AT.token));
  out.setUint32(at + 4, word(AT.lastPrice));
  if (kind === RECORD_KIND.ltp) return KITE_PACKET_BYTES.ltp;
  if (kind === RECORD_KIND.indexQuote || kind === RECORD_KIND.indexFull) {
    out.setUint32(at + 8, word(AT.high));
    out.setUint32(at + 12, word(AT.low));
    out.setUint32(at + 16, word(AT.open));
    out.setUint32(at + 20, word(AT.close));
    out.setInt32(at + 24, word(AT.lastPrice) - word(AT.close));
    if (kind === RECORD_KIND.indexFull) out.setUint32(at + 28, word(AT.exchangeTimestamp));
    return kitePacketBytes(kind);
  }
  for (let offset = 8; offset < KITE_PACKET_BYTES.quote; offset += 4) {
    out.setUint32(at + offset, word(AT.lastQuantity - 8 + offset));
  }
  if (kind === RECORD_KIND.quote) return KITE_PACKET_BYTES.quote;
  for (let offset = KITE_PACKET_BYTES.quote; offset < DEPTH_AT; offset += 4) {
    out.setUint32(at + offset, word(AT.lastTradeTime - KITE_PACKET_BYTES.quote + offset));
  }
  for (let level = 0; level < 2 * DEPTH_LEVELS; level++) {
    const to = at + DEPTH_AT + level * DEPTH_ENTRY_BYTES;
    const from = AT.depth + level * DEPTH_LEVEL_BYTES;
    out.setUint32(to, word(from));
    out.setUint32(to + 4, word(from + 4));
    out.setUint16(to + 8, Math.min(word(from + 8), 0xffff));
    out.setUint16(to + 10, 0);
  }
  return KITE_PACKET_BYTES.full;
}
