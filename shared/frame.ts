// The batch frame: what the sidecar posts to a shard, and (its tick section alone) what a shard pushes to a gateway.
//
// Little-endian. 64 bytes of header, then tick records as words, then definitions (JSON, UTF-8), then the shard's known
// tokens (ascending, LEB128 differences). The magic number holds the version: a reader refuses any other.
import { AppError } from './errors.ts';
import { type InstrumentDefinition, type InstrumentToken, parseInstrumentToken } from './instrument.ts';
import { BATCH_DEFINITIONS_MAX, BATCH_KNOWN_TOKENS_MAX, BATCH_TICKS_MAX } from './limits.ts';
import { areGreeksFlags, GREEKS_AT, GREEKS_WORDS, isGreekWord } from './record-greeks.ts';
import { AT, FULL_RECORD_WORDS, isKindOfToken, RECORD_KIND, RECORD_WORDS_MAX, recordWords } from './tick.ts';

/** 'TEB' and the version. */
export const BATCH_MAGIC = 0x5445_4201;
export const BATCH_HEADER_BYTES = 64;

const HEADER = {
  magic: 0,
  shard: 4,
  epochHigh: 8,
  epochLow: 12,
  seq: 16,
  boot: 20,
  demandVersion: 24,
  tickCount: 28,
  tickWords: 32,
  definitionsBytes: 36,
  knownBytes: 40,
  roundShards: 44,
  /** 1 when the batch carries the known-token list, which may be empty. */
  hasKnown: 48,
} as const;

export interface BatchHeader {
  readonly shard: number;
  /** Start of the sidecar's life in ms: a later sidecar outranks an earlier one. */
  readonly epoch: number;
  /** Dense per shard within an epoch, from 1. */
  readonly seq: number;
  /** The shard's boot id that the sidecar last heard, 0 for none: tells a shard that lost its memory. */
  readonly boot: number;
  /** The demand that the sidecar last heard, 0 for none. */
  readonly demandVersion: number;
  /** Shards that got a batch in the same flush, so that a gateway can tell when it has them all. */
  readonly roundShards: number;
}

export interface Batch extends BatchHeader {
  /** Tick records, one after the other, each as many words as its kind has. */
  readonly ticks: Uint32Array;
  readonly tickCount: number;
  readonly definitions: readonly InstrumentDefinition[];
  /** Every token of this shard that exists today; absent when the batch does not carry the list. */
  readonly knownTokens?: readonly InstrumentToken[];
}

/** Weight of the fifth and last LEB128 byte of a 32-bit number: zeros past it would pad one without end. */
const LEB128_SCALE_MAX = 128 ** 4;

/** Ascending tokens as LEB128 differences. */
export function encodeTokenList(tokens: readonly number[]): Uint8Array {
  const out: number[] = [];
  let previous = 0;
  for (const token of tokens) {
    let difference = token - previous;
    if (difference <= 0) throw new RangeError(`tokens must ascend: ${token} after ${previous}`);
    previous = token;
    while (difference > 0x7f) {
      out.push((difference % 128) | 0x80);
      difference = Math.floor(difference / 128);
    }
    out.push(difference);
  }
  return Uint8Array.from(out);
}

/** How many tokens `encodeTokenList` has written: each one's last byte has no high bit. */
export function tokenListLength(list: Uint8Array): number {
  let length = 0;
  for (const byte of list) if (byte < 0x80) length++;
  return length;
}

/** The tokens of `encodeTokenList`; throws `ingest_frame` on anything that it could not have written. */
export function decodeTokenList(bytes: Uint8Array, tokensMax: number): InstrumentToken[] {
  const tokens: InstrumentToken[] = [];
  let token = 0;
  let scale = 1;
  let difference = 0;
  for (const byte of bytes) {
    difference += (byte & 0x7f) * scale;
    if (difference > 0xffff_ffff || scale > LEB128_SCALE_MAX) {
      throw new AppError('ingest_frame', 'token list: difference over 32 bits');
    }
    if (byte === 0 && scale !== 1) throw new AppError('ingest_frame', 'token list: padded difference');
    scale *= 128;
    if (byte & 0x80) continue;
    token += difference;
    if (difference === 0 || token > 0xffff_ffff)
      throw new AppError('ingest_frame', `token list: bad token ${token}`);
    if (tokens.length >= tokensMax)
      throw new AppError('ingest_frame', `token list: more than ${tokensMax} tokens`);
    tokens.push(token as InstrumentToken);
    scale = 1;
    difference = 0;
  }
  if (scale !== 1) throw new AppError('ingest_frame', 'token list: ends inside a token');
  return tokens;
}

export interface BatchParts extends BatchHeader {
  /** Tick records back to back; only the first `tickWords` words count. */
  readonly ticks: Uint32Array;
  readonly tickWords: number;
  readonly tickCount: number;
  readonly definitions: readonly InstrumentDefinition[];
  readonly knownTokens?: Uint8Array;
}

/** One batch as bytes. `knownTokens` comes encoded, because it is the same for many batches. */
export function encodeBatch(parts: BatchParts): Uint8Array<ArrayBuffer> {
  const definitions =
    parts.definitions.length === 0
      ? new Uint8Array(0)
      : new TextEncoder().encode(JSON.stringify(parts.definitions));
  const known = parts.knownTokens ?? new Uint8Array(0);
  const tickBytes = parts.tickWords * 4;
  const bytes = new Uint8Array(BATCH_HEADER_BYTES + tickBytes + definitions.length + known.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(HEADER.magic, BATCH_MAGIC, true);
  view.setUint32(HEADER.shard, parts.shard, true);
  view.setUint32(HEADER.epochHigh, Math.floor(parts.epoch / 0x1_0000_0000), true);
  view.setUint32(HEADER.epochLow, parts.epoch >>> 0, true);
  view.setUint32(HEADER.seq, parts.seq, true);
  view.setUint32(HEADER.boot, parts.boot, true);
  view.setUint32(HEADER.demandVersion, parts.demandVersion, true);
  view.setUint32(HEADER.tickCount, parts.tickCount, true);
  view.setUint32(HEADER.tickWords, parts.tickWords, true);
  view.setUint32(HEADER.definitionsBytes, definitions.length, true);
  view.setUint32(HEADER.knownBytes, known.length, true);
  view.setUint32(HEADER.roundShards, parts.roundShards, true);
  view.setUint32(HEADER.hasKnown, parts.knownTokens ? 1 : 0, true);
  new Uint32Array(bytes.buffer, BATCH_HEADER_BYTES, parts.tickWords).set(
    parts.ticks.subarray(0, parts.tickWords),
  );
  bytes.set(definitions, BATCH_HEADER_BYTES + tickBytes);
  bytes.set(known, BATCH_HEADER_BYTES + tickBytes + definitions.length);
  return bytes;
}

/** High word of times before December 9999: a time far beyond has no ISO form, and encoders would throw. */
const RECEIVED_AT_HIGH_MAX = 58_998;

/** What the rows to clients could not carry is refused here. */
function checkGreeks(ticks: Uint32Array, at: number, count: number): void {
  const flags = ticks[at] as number;
  if (!areGreeksFlags(flags))
    throw new AppError('ingest_frame', `tick ${count}: flags ${flags} of its Greeks`);
  for (let i = GREEKS_AT.iv / 4; i < GREEKS_WORDS; i++) {
    const word = ticks[at + i] as number;
    if (!isGreekWord(word))
      throw new AppError('ingest_frame', `tick ${count}: ${word} as word ${i} of its Greeks`);
  }
}

/**
 * Walks a tick section and returns the number of records. Throws `ingest_frame` unless every record has a token, a kind
 * that exists for the token's segment and a time that can be written, and the last one ends where the section ends.
 */
export function countTicks(ticks: Uint32Array): number {
  let count = 0;
  let at = 0;
  while (at < ticks.length) {
    const words = at + 1 < ticks.length ? recordWords(ticks[at + AT.kind / 4] as number) : 0;
    if (words === 0) throw new AppError('ingest_frame', `tick ${count}: unknown kind ${ticks[at + 1]}`);
    if (at + words > ticks.length) throw new AppError('ingest_frame', `tick ${count}: ends past the section`);
    const token = ticks[at + AT.token / 4] as number;
    if (token === 0) throw new AppError('ingest_frame', `tick ${count}: token 0`);
    const kind = ticks[at + AT.kind / 4] as number;
    if (!isKindOfToken(kind, token)) {
      throw new AppError('ingest_frame', `tick ${count}: kind ${kind} for token ${token}`);
    }
    if ((ticks[at + AT.receivedAtHigh / 4] as number) > RECEIVED_AT_HIGH_MAX) {
      throw new AppError('ingest_frame', `tick ${count}: received in or after December 9999`);
    }
    if (kind === RECORD_KIND.optionFull) checkGreeks(ticks, at + FULL_RECORD_WORDS, count);
    at += words;
    count++;
  }
  return count;
}

function decodeDefinitions(bytes: Uint8Array): InstrumentDefinition[] {
  if (bytes.length === 0) return [];
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw new AppError('ingest_frame', 'definitions are not UTF-8 JSON', { cause });
  }
  if (!Array.isArray(value)) throw new AppError('ingest_frame', 'definitions are not a list');
  if (value.length > BATCH_DEFINITIONS_MAX) {
    throw new AppError('ingest_frame', `definitions: ${value.length} of at most ${BATCH_DEFINITIONS_MAX}`);
  }
  // The bytes are signed by our own sidecar: a shape check guards against version skew, not against an attacker.
  for (const item of value) {
    const hasToken = parseInstrumentToken(item?.instrument_token) !== undefined;
    if (!hasToken || typeof item?.tradingsymbol !== 'string' || typeof item?.exchange !== 'string') {
      throw new AppError('ingest_frame', 'definition without instrument_token, tradingsymbol or exchange');
    }
  }
  return value as InstrumentDefinition[];
}

/**
 * The batch in `bytes`; tick words are copied out, because they need not be aligned in their buffer.
 * Throws AppError `ingest_frame` with what was wrong; never reads outside `bytes`.
 */
export function decodeBatch(bytes: Uint8Array): Batch {
  if (bytes.byteLength < BATCH_HEADER_BYTES) {
    throw new AppError('ingest_frame', `frame of ${bytes.byteLength} bytes has no header`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (offset: number) => view.getUint32(offset, true);
  if (word(HEADER.magic) !== BATCH_MAGIC) {
    throw new AppError(
      'ingest_frame',
      `frame version ${word(0).toString(16)}, ours is ${BATCH_MAGIC.toString(16)}`,
    );
  }
  const tickBytes = word(HEADER.tickWords) * 4;
  const definitionsAt = BATCH_HEADER_BYTES + tickBytes;
  const knownAt = definitionsAt + word(HEADER.definitionsBytes);
  const end = knownAt + word(HEADER.knownBytes);
  if (end !== bytes.byteLength) {
    throw new AppError('ingest_frame', `frame of ${bytes.byteLength} bytes says it has ${end}`);
  }
  const tickCount = word(HEADER.tickCount);
  if (tickCount > BATCH_TICKS_MAX || word(HEADER.tickWords) > tickCount * RECORD_WORDS_MAX) {
    throw new AppError('ingest_frame', `${tickCount} ticks in ${word(HEADER.tickWords)} words`);
  }
  // Copied by the constructor: `slice` of a Node Buffer is a view on a pool that others use.
  const ticks = new Uint32Array(new Uint8Array(bytes.subarray(BATCH_HEADER_BYTES, definitionsAt)).buffer);
  if (countTicks(ticks) !== tickCount) throw new AppError('ingest_frame', `tick count is not ${tickCount}`);
  return {
    shard: word(HEADER.shard),
    epoch: word(HEADER.epochHigh) * 0x1_0000_0000 + word(HEADER.epochLow),
    seq: word(HEADER.seq),
    boot: word(HEADER.boot),
    demandVersion: word(HEADER.demandVersion),
    roundShards: word(HEADER.roundShards),
    ticks,
    tickCount,
    definitions: decodeDefinitions(bytes.subarray(definitionsAt, knownAt)),
    ...(word(HEADER.hasKnown) === 1
      ? { knownTokens: decodeTokenList(bytes.subarray(knownAt, end), BATCH_KNOWN_TOKENS_MAX) }
      : {}),
  };
}

/** A token that a shard's clients want and the mode that serves them all. */
export type DemandItem = readonly [token: InstrumentToken, mode: 'ltp' | 'quote' | 'full'];

/** A shard's reply to a batch. `demand` is the whole set, sent when the sidecar's version is not the shard's. */
export interface BatchReply {
  readonly epoch: number;
  readonly seq: number;
  readonly boot: number;
  readonly duplicate?: true;
  /**
   * What a round of batches costs the shard's busiest gateway, in ms up to FLUSH_COST_MS_MAX, which means that there is
   * no room at all. Absent from an edge that does not know.
   */
  readonly flushCostMs?: number;
  readonly demand?: { readonly version: number; readonly items: readonly DemandItem[] };
}

/** Names of the headers of a signed post; `epoch` stands for the body where there is none (see shared/control.ts). */
export const INGEST_HEADERS = {
  time: 'x-ingest-time',
  signature: 'x-ingest-signature',
  epoch: 'x-ingest-epoch',
} as const;

/** The text before the body that is signed together with it: binds time and path, so that no post fits another route. */
export function signedPrefix(timeMs: number, path: string): Uint8Array {
  return new TextEncoder().encode(`${timeMs}\n${path}\n`);
}
