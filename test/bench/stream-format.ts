// The ways in which ticks are sent to the clients of a bench: how each is asked for, and what a client can count of it
// without decoding.
import { FRAME_COUNTER_MASK, FRAME_RESTART } from '../../shared/wire/frame.ts';
import { type MessageHeads, OPCODE } from './message-heads.ts';

export type FormatName = 'binary' | 'json_batched' | 'json_per_tick' | 'kite' | 'packets';

/** What one client has had. */
export interface Tally {
  /** Messages with ticks, and their payloads. */
  frames: number;
  bytes: number;
  /** As far as heads tell it; see `tellsTicks`. */
  ticks: number;
  /** Frames that were missing before one that came, and frames that began anew. */
  gaps: number;
  /** Messages that say that ticks were conflated, or that something was wrong. */
  complaints: number;
  /** The subscription was acknowledged; where nothing is, see `acknowledges`. */
  acknowledged: boolean;
  /** Counter of the last frame; -1 before the first. */
  counter: number;
}

export function emptyTally(): Tally {
  return { frames: 0, bytes: 0, ticks: 0, gaps: 0, complaints: 0, acknowledged: false, counter: -1 };
}

export interface StreamFormat {
  /** Path and query of the endpoint for a token. */
  readonly target: (token: string) => string;
  readonly subprotocol?: string;
  /** What a client sends to have these at full mode. */
  readonly subscribe: (tokens: readonly number[]) => readonly string[];
  /** The server says that it has taken the subscription; otherwise the first values do. */
  readonly acknowledges: boolean;
  /** A head says how many ticks the message has; otherwise they are derived from rounds and set sizes. */
  readonly tellsTicks: boolean;
  /** Notes a message; ticks of text formats are told from other messages by how they begin. */
  readonly note: (message: MessageHeads, tally: Tally) => void;
}

function noteFrame({ payloadBytes }: MessageHeads, tally: Tally, ticks: number): void {
  tally.frames++;
  tally.bytes += payloadBytes;
  tally.ticks += ticks;
}

function noteText(message: MessageHeads, tally: Tally): void {
  const text = message.headText();
  if (text.startsWith('{"type":"subscribed"')) tally.acknowledged = true;
  else if (text.startsWith('{"type":"lag"') || text.startsWith('{"type":"error"')) tally.complaints++;
}

const TICK_PREFIX = '{"type":"tick"';
const TICKS_PREFIX = '{"type":"ticks"';

/** Compares bytes: a string for each of 100,000 messages a second would be half of the client's work. */
function beginsWith({ head, headBytes }: MessageHeads, prefix: string): boolean {
  if (headBytes < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (head[i] !== prefix.charCodeAt(i)) return false;
  return true;
}

function subscribeNative(tokens: readonly number[]): string[] {
  return [JSON.stringify({ action: 'subscribe', tokens, mode: 'full' })];
}

function noteNativeFrame(message: MessageHeads, tally: Tally): void {
  if (message.opcode !== OPCODE.binary) {
    noteText(message, tally);
    return;
  }
  const { head } = message;
  const word = (head[1] as number) | ((head[2] as number) << 8);
  const counter = word & FRAME_COUNTER_MASK;
  const due = (tally.counter + 1) & FRAME_COUNTER_MASK;
  const isFirst = tally.counter < 0;
  if (!isFirst && ((word & FRAME_RESTART) !== 0 || counter !== due)) tally.gaps++;
  tally.counter = counter;
  noteFrame(message, tally, 0);
}

export const FORMATS: Readonly<Record<FormatName, StreamFormat>> = {
  binary: {
    target: (token) => `/ws/ticks?format=binary&token=${token}`,
    subprotocol: 'ticker.v1',
    subscribe: subscribeNative,
    acknowledges: true,
    tellsTicks: false,
    note: noteNativeFrame,
  },
  json_batched: {
    target: (token) => `/ws/ticks?batch=1&token=${token}`,
    subscribe: subscribeNative,
    acknowledges: true,
    tellsTicks: false,
    note: (message, tally) => {
      if (beginsWith(message, TICKS_PREFIX)) noteFrame(message, tally, 0);
      else noteText(message, tally);
    },
  },
  json_per_tick: {
    target: (token) => `/ws/ticks?token=${token}`,
    subscribe: subscribeNative,
    acknowledges: true,
    tellsTicks: true,
    note: (message, tally) => {
      if (beginsWith(message, TICK_PREFIX)) noteFrame(message, tally, 1);
      else noteText(message, tally);
    },
  },
  kite: {
    target: (token) => `/ws/kite?api_key=bench&access_token=${token}`,
    subscribe: (tokens) => [
      JSON.stringify({ a: 'subscribe', v: tokens }),
      JSON.stringify({ a: 'mode', v: ['full', tokens] }),
    ],
    acknowledges: false,
    tellsTicks: true,
    note: (message, tally) => {
      const [high = 0, low = 0] = message.head;
      if (message.opcode !== OPCODE.binary) noteText(message, tally);
      // A heartbeat is one byte.
      else if (message.payloadBytes >= 2) noteFrame(message, tally, high * 256 + low);
    },
  },
  packets: {
    target: () => '/',
    subscribe: (tokens) => [JSON.stringify({ tokens })],
    acknowledges: true,
    tellsTicks: true,
    note: (message, tally) => {
      if (message.opcode === OPCODE.binary) noteFrame(message, tally, 1);
      else noteText(message, tally);
    },
  },
};
