// What the simulated market has said of each instrument, in the shape in which KiteTicker's users see it.
import { vi } from 'vitest';
import { Market } from '../../ingest/simulator/core/market.ts';
import { isIndex } from '../../shared/instrument.ts';
import { KITE_PACKET_BYTES } from '../../shared/kite-packet.ts';
import { readTick, type TickMode } from '../../shared/tick.ts';
import { asKiteTick } from './kite-tick.ts';

export interface KiteTick {
  readonly instrument_token: number;
  readonly mode: TickMode;
  readonly [field: string]: unknown;
}

/** Text that two values share when they are equal, whatever the order of their fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

/** Packets that an instrument of this kind has, by mode. */
function lengthsOf(token: number): [TickMode, number][] {
  const { ltp, quote, full, indexQuote, indexFull } = KITE_PACKET_BYTES;
  return isIndex(token)
    ? [
        ['ltp', ltp],
        ['quote', indexQuote],
        ['full', indexFull],
      ]
    : [
        ['ltp', ltp],
        ['quote', quote],
        ['full', full],
      ];
}

/** Listens to every market of this process from its making until `stop`. */
export class KiteTruth {
  readonly #said = new Set<string>();
  readonly #spy;

  constructor() {
    const { refresh } = Market.prototype;
    const note = (market: Market, slot: number) => this.#note(market, slot);
    this.#spy = vi.spyOn(Market.prototype, 'refresh').mockImplementation(function (this: Market, slot) {
      refresh.call(this, slot);
      note(this, slot);
    });
  }

  stop(): void {
    this.#spy.mockRestore();
  }

  /** Whether the market has said this to the last bit, in the tick's mode. */
  hasSaid(tick: KiteTick): boolean {
    return this.#said.has(canonical(tick));
  }

  #note(market: Market, slot: number): void {
    const tick = readTick(market.records, market.recordOffset(slot));
    // Its dates are texts for those who hear of it from another process.
    for (const [mode, length] of lengthsOf(tick.token))
      this.#said.add(canonical(JSON.parse(JSON.stringify(asKiteTick({ ...tick, mode }, length)))));
  }
}
