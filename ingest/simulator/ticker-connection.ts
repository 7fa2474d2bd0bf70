// One client on the ticker socket: what it subscribed to, and its frames.
import { isIndex } from '../../shared/instrument.ts';
import { encodeKitePacket, kitePacketBytes } from '../../shared/kite-packet.ts';
import {
  KITE_INSTRUMENTS_PER_CONNECTION_MAX,
  SIMULATOR_SOCKET_BUFFER_BYTES_MAX,
} from '../../shared/limits.ts';
import { type ModeRank, RECORD_KIND, type RecordKind, rankOfMode, type TickMode } from '../../shared/tick.ts';
import type { SimulatedAccount } from './account-sessions.ts';
import type { Market } from './core/market.ts';

const HEARTBEAT = new Uint8Array(1);
const HEARTBEAT_INTERVAL_MS = 1_000;
const FRAME_BYTES_AT_START = 64 * 1024;
/** Count of packets in front, and a length in front of each packet. */
const COUNT_BYTES = 2;
const LENGTH_BYTES = 2;

const TRADABLE_KINDS: Readonly<Record<ModeRank, RecordKind>> = {
  1: RECORD_KIND.ltp,
  2: RECORD_KIND.quote,
  3: RECORD_KIND.full,
};
const INDEX_KINDS: Readonly<Record<ModeRank, RecordKind>> = {
  1: RECORD_KIND.ltp,
  2: RECORD_KIND.indexQuote,
  3: RECORD_KIND.indexFull,
};

/** What a connection needs of its socket. */
export interface TickerSocket {
  /** Bytes that were given to `send` and that the kernel has not taken yet. */
  readonly bufferedAmount: number;
  send(data: Uint8Array | string): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** What a connection may send now. */
export interface StreamCondition {
  readonly ticks: boolean;
  readonly heartbeats: boolean;
  /** What becomes of the next frame on its way. */
  readonly garble?: (frame: Uint8Array) => Uint8Array;
}

export const UNDISTURBED: StreamCondition = { ticks: true, heartbeats: true };

/** A connection as tests and status pages see it. */
export interface ConnectionStatus {
  /** Ascends from 1 in the order in which sockets were opened. */
  readonly id: number;
  readonly apiKey: string;
  readonly userId: string;
  readonly subscriptions: Readonly<Record<TickMode, number>>;
  readonly packetsSent: number;
  readonly framesSent: number;
  /** Frames that a slow reader, or a stall, did not get. */
  readonly framesDropped: number;
}

export class TickerConnection {
  readonly id: number;
  readonly account: SimulatedAccount;
  readonly #socket: TickerSocket;
  #market: Market;
  /** Mode rank by slot, 0 where not subscribed. */
  #ranks: Uint8Array;
  readonly #counts = { ltp: 0, quote: 0, full: 0 };
  #frame = new DataView(new ArrayBuffer(FRAME_BYTES_AT_START));
  #frameBytes = COUNT_BYTES;
  #framePackets = 0;
  #lastSentMs: number;
  #packetsSent = 0;
  #framesSent = 0;
  #framesDropped = 0;

  constructor(
    id: number,
    socket: TickerSocket,
    account: SimulatedAccount,
    market: Market,
    monotonicMs: number,
  ) {
    this.id = id;
    this.#socket = socket;
    this.account = account;
    this.#market = market;
    this.#ranks = new Uint8Array(market.instruments.length);
    this.#lastSentMs = monotonicMs;
  }

  get status(): ConnectionStatus {
    return {
      id: this.id,
      apiKey: this.account.apiKey,
      userId: this.account.userId,
      subscriptions: { ...this.#counts },
      packetsSent: this.#packetsSent,
      framesSent: this.#framesSent,
      framesDropped: this.#framesDropped,
    };
  }

  /** Refused when the connection is full: nothing changed then. Without a mode it keeps the one it has, or takes quote. */
  subscribe(slot: number, mode: TickMode | undefined): 'added' | 'changed' | 'kept' | 'refused' {
    const before = this.#modeOf(slot);
    const { ltp, quote, full } = this.#counts;
    if (before === undefined && ltp + quote + full >= KITE_INSTRUMENTS_PER_CONNECTION_MAX) return 'refused';
    const after = mode ?? before ?? 'quote';
    if (after === before) return 'kept';
    if (before !== undefined) this.#counts[before] -= 1;
    this.#counts[after] += 1;
    this.#ranks[slot] = rankOfMode(after);
    return before === undefined ? 'added' : 'changed';
  }

  /** False when the slot was not subscribed. */
  unsubscribe(slot: number): boolean {
    const mode = this.#modeOf(slot);
    if (mode === undefined) return false;
    this.#counts[mode] -= 1;
    this.#ranks[slot] = 0;
    return true;
  }

  /** Slots that are subscribed now. */
  *slots(): Generator<number> {
    for (let slot = 0; slot < this.#ranks.length; slot++) if (this.#ranks[slot] !== 0) yield slot;
  }

  /** Modes by token of what is subscribed now. */
  get modes(): ReadonlyMap<number, TickMode> {
    const modes = new Map<number, TickMode>();
    for (const slot of this.slots()) {
      const token = this.#market.instruments[slot]?.instrument_token;
      const mode = this.#modeOf(slot);
      if (token !== undefined && mode !== undefined) modes.set(token, mode);
    }
    return modes;
  }

  /** Another market, with slots of its own: tokens that it lists stay subscribed, whatever they name there. */
  enter(market: Market): void {
    const { modes } = this;
    this.#market = market;
    this.#ranks = new Uint8Array(market.instruments.length);
    Object.assign(this.#counts, { ltp: 0, quote: 0, full: 0 });
    this.#frameBytes = COUNT_BYTES;
    this.#framePackets = 0;
    for (const [token, mode] of modes) {
      const slot = market.slotOf(token);
      if (slot >= 0) this.subscribe(slot, mode);
    }
  }

  /** Adds the slot's record to the frame, in the client's mode, if the client wants it. */
  append(slot: number): void {
    const rank = this.#ranks[slot];
    if (rank !== 1 && rank !== 2 && rank !== 3) return;
    const records = this.#market.records;
    const recordAt = this.#market.recordOffset(slot);
    const kind = (isIndex(records.getUint32(recordAt, true)) ? INDEX_KINDS : TRADABLE_KINDS)[rank];
    const packetBytes = kitePacketBytes(kind);
    if (this.#frameBytes + LENGTH_BYTES + packetBytes > this.#frame.byteLength) this.#growFrame();
    this.#frame.setUint16(this.#frameBytes, packetBytes);
    encodeKitePacket(records, recordAt, kind, this.#frame, this.#frameBytes + LENGTH_BYTES);
    this.#frameBytes += LENGTH_BYTES + packetBytes;
    this.#framePackets += 1;
  }

  /** Sends the frame, or a heartbeat when the client has heard nothing for a second. */
  flush(monotonicMs: number, { ticks, heartbeats, garble }: StreamCondition): void {
    if (this.#framePackets > 0) this.#sendFrame(monotonicMs, ticks, garble);
    if (!heartbeats || this.#isFull || monotonicMs - this.#lastSentMs < HEARTBEAT_INTERVAL_MS) return;
    this.#socket.send(HEARTBEAT);
    this.#lastSentMs = monotonicMs;
  }

  #sendFrame(monotonicMs: number, isAllowed: boolean, garble: StreamCondition['garble']): void {
    this.#frame.setUint16(0, this.#framePackets);
    // The socket keeps what it is given until the kernel has taken it, so it gets a copy.
    const bytes = new Uint8Array(this.#frame.buffer.slice(0, this.#frameBytes));
    const packets = this.#framePackets;
    this.#frameBytes = COUNT_BYTES;
    this.#framePackets = 0;
    if (!isAllowed || this.#isFull) {
      this.#framesDropped += 1;
      return;
    }
    this.#packetsSent += packets;
    this.#framesSent += 1;
    this.#socket.send(garble === undefined ? bytes : garble(bytes));
    this.#lastSentMs = monotonicMs;
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  /** 1006 is what a client sees when the connection is cut without a close frame. */
  close(code: number, reason: string): void {
    if (code === 1006) this.#socket.terminate();
    else this.#socket.close(code, reason);
  }

  /** Cuts the TCP connection without a close frame. */
  terminate(): void {
    this.#socket.terminate();
  }

  get #isFull(): boolean {
    return this.#socket.bufferedAmount > SIMULATOR_SOCKET_BUFFER_BYTES_MAX;
  }

  #modeOf(slot: number): TickMode | undefined {
    switch (this.#ranks[slot]) {
      case 1:
        return 'ltp';
      case 2:
        return 'quote';
      case 3:
        return 'full';
      default:
        return undefined;
    }
  }

  /** Bounded by 3,000 full packets: each subscribed instrument comes at most once in a frame. */
  #growFrame(): void {
    const grown = new Uint8Array(this.#frame.byteLength * 2);
    grown.set(new Uint8Array(this.#frame.buffer));
    this.#frame = new DataView(grown.buffer);
  }
}
