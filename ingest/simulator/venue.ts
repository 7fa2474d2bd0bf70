// The exchange of one trading date - its list, its market and its dump - and the change to the next one.
import { dumpDateAt, nextDumpMs } from './core/expiry-calendar.ts';
import type { Listing } from './core/instrument-list.ts';
import { Market } from './core/market.ts';
import type { MarketTuning } from './core/market-tuning.ts';
import { nextListing } from './core/next-listing.ts';
import { hashText, mix } from './core/random.ts';
import { InstrumentDump } from './instrument-dump.ts';

export interface VenueOptions {
  readonly listing: Listing;
  readonly seed: number;
  readonly ticksPerInstrumentPerSecond: number;
  readonly tuning?: MarketTuning;
  /** True: the date stays until `open` is told another one. */
  readonly isDateFixed: boolean;
}

export class Venue {
  readonly #options: VenueOptions;
  #listing: Listing;
  #market: Market;
  #dump: InstrumentDump;
  #nextDumpMs: number;

  constructor(options: VenueOptions, nowMs: number) {
    this.#options = options;
    this.#listing = options.listing;
    this.#market = this.#marketOf(options.listing, options.seed, nowMs);
    this.#dump = new InstrumentDump(options.listing);
    this.#nextDumpMs = nextDumpMs(options.listing.tradingDate);
  }

  get listing(): Listing {
    return this.#listing;
  }

  get market(): Market {
    return this.#market;
  }

  get dump(): InstrumentDump {
    return this.#dump;
  }

  /** Opens the day whose dump is due. False when that is the day that it is. */
  follow(nowMs: number): boolean {
    if (this.#options.isDateFixed || nowMs < this.#nextDumpMs) return false;
    this.open(dumpDateAt(nowMs), nowMs);
    return true;
  }

  /** Opens another trading date: everybody who holds slots of the market before must ask for them again. Throws RangeError. */
  open(tradingDate: string, nowMs: number): void {
    this.#nextDumpMs = nextDumpMs(tradingDate);
    this.#listing = nextListing(this.#listing, tradingDate);
    this.#market = this.#marketOf(this.#listing, mix(this.#options.seed, hashText(tradingDate)), nowMs);
    this.#dump = new InstrumentDump(this.#listing);
  }

  #marketOf(listing: Listing, seed: number, startMs: number): Market {
    const { ticksPerInstrumentPerSecond, tuning } = this.#options;
    return new Market({
      listing,
      seed,
      startMs,
      ticksPerInstrumentPerSecond,
      ...(tuning === undefined ? {} : { tuning }),
    });
  }
}
