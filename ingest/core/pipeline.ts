// One synchronous step from the bytes of a Kite frame to the shards' buffers: check, decode, validate, offer.
import {
  checkKiteFrame,
  decodeKitePacket,
  isKiteHeartbeat,
  type KiteFault,
} from '../../shared/kite-packet.ts';
import { KITE_FRAME_BYTES_MAX } from '../../shared/limits.ts';
import { AT, RECORD_WORDS_MAX } from '../../shared/tick.ts';
import type { Batcher } from './batcher.ts';
import type { TickMeter } from './tick-meter.ts';
import { rejectionOf, TICK_REJECTIONS, type TickRejection } from './validate.ts';

export interface PipelineCounters {
  frames: number;
  heartbeats: number;
  /** Packets that were decoded, accepted or not. */
  ticksReceived: number;
  ticksAccepted: number;
  readonly ticksRejected: Record<TickRejection, number>;
  /** Frame faults count frames, packet faults count packets. */
  readonly frameFaults: Record<KiteFault, number>;
}

/** Told of each record that was taken, which is at the start of `words`. */
export interface TickListener {
  ticked(slot: number, words: Uint32Array, receivedAtMs: number): void;
}

function newCounters(): PipelineCounters {
  const ticksRejected = Object.fromEntries(TICK_REJECTIONS.map((reason) => [reason, 0]));
  return {
    frames: 0,
    heartbeats: 0,
    ticksReceived: 0,
    ticksAccepted: 0,
    ticksRejected: ticksRejected as Record<TickRejection, number>,
    frameFaults: {
      frame_truncated: 0,
      frame_overlong: 0,
      frame_too_big: 0,
      packet_length_unknown: 0,
      packet_length_not_for_segment: 0,
      packet_token_zero: 0,
    },
  };
}

/** Decodes into one scratch record; nothing is allocated per tick. Bad input is counted and never throws. */
export class Pipeline {
  readonly counters: PipelineCounters = newCounters();
  readonly #batcher: Batcher;
  readonly #listener: TickListener | undefined;
  readonly #words = new Uint32Array(RECORD_WORDS_MAX);
  readonly #record = new DataView(this.#words.buffer);

  constructor(batcher: Batcher, listener?: TickListener) {
    this.#batcher = batcher;
    this.#listener = listener;
  }

  /**
   * Takes one binary frame of Kite's ticker in; `receivedAtMs` is the wall clock when it arrived, `meter` counts for the
   * socket that it came by. Returns the number of ticks that were accepted.
   */
  step(frame: Uint8Array, receivedAtMs: number, meter?: TickMeter): number {
    const { counters } = this;
    counters.frames++;
    if (isKiteHeartbeat(frame.byteLength)) {
      counters.heartbeats++;
      return 0;
    }
    if (frame.byteLength > KITE_FRAME_BYTES_MAX) {
      counters.frameFaults.frame_too_big++;
      return 0;
    }
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const packets = checkKiteFrame(view);
    if (typeof packets === 'string') {
      counters.frameFaults[packets]++;
      return 0;
    }
    let accepted = 0;
    let at = 2;
    for (let i = 0; i < packets; i++) {
      const length = view.getUint16(at);
      const kind = decodeKitePacket(view, at + 2, length, receivedAtMs, this.#record, 0);
      at += 2 + length;
      if (typeof kind === 'string') counters.frameFaults[kind]++;
      else if (this.#accept(receivedAtMs)) {
        accepted++;
        meter?.count(this.#words[AT.token / 4] as number);
      }
    }
    if (meter && accepted > 0) meter.lastTickAtMs = receivedAtMs;
    counters.ticksAccepted += accepted;
    return accepted;
  }

  #accept(receivedAtMs: number): boolean {
    this.counters.ticksReceived++;
    const token = this.#words[AT.token / 4] as number;
    const slot = this.#batcher.wantedSlotOf(token);
    if (slot < 0) {
      this.counters.ticksRejected[this.#batcher.exists(token) ? 'not_subscribed' : 'unknown_instrument']++;
      return false;
    }
    const rejection = rejectionOf(this.#words, receivedAtMs, this.#batcher.held(slot));
    if (rejection !== undefined) {
      this.counters.ticksRejected[rejection]++;
      if (rejection === 'lower_mode') this.#batcher.countLowerMode(slot);
      return false;
    }
    this.#batcher.offer(slot, this.#words, receivedAtMs);
    this.#listener?.ticked(slot, this.#words, receivedAtMs);
    return true;
  }
}
