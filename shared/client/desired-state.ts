// What the application wants to stream, whatever the connection does: instruments, who asked, and with which options.
import { AppError } from '../errors.ts';
import { CLIENT_SDK_INSTRUMENTS_MAX, CLIENT_SDK_SUBSCRIPTIONS_MAX } from '../limits.ts';
import type { TickMode } from '../tick.ts';
import { type Instrument, instrumentKey, mergeOptions, type StreamOptions } from './subscription-options.ts';

/** One stream to ask the server for. */
export interface WantedStream {
  /** As it goes to the server: a token if anybody asked by token, else the symbol as it was written. */
  readonly wire: Instrument;
  readonly options: StreamOptions;
}

interface Entry {
  readonly wire: Instrument;
  /** By holder: the subscription that asked. */
  readonly holders: Map<number, StreamOptions>;
}

export class DesiredState {
  /** By token or upper-case symbol. */
  readonly #entries = new Map<Instrument, Entry>();
  readonly #instrumentsOf = new Map<number, Set<Instrument>>();
  readonly #tokenOf = new Map<string, number>();
  readonly #symbolOf = new Map<number, string>();

  get instrumentsCount(): number {
    return this.#entries.size;
  }

  get holdersCount(): number {
    return this.#instrumentsOf.size;
  }

  /**
   * Adds instruments to a holder, or changes the options of those it has; all of them or, when it throws, none.
   * Throws AppError: `invalid_parameter` for what is no instrument, `subscription_limit` over the client's bounds.
   */
  add(holder: number, instruments: readonly Instrument[], options: StreamOptions): Instrument[] {
    const keys = [...new Set(instruments.map(instrumentKey))];
    const added = keys.filter((key) => !this.#entries.has(key)).length;
    if (this.#entries.size + added > CLIENT_SDK_INSTRUMENTS_MAX) {
      const counts = `${this.#entries.size} instruments and ${added} more`;
      throw new AppError('subscription_limit', `${counts}, at most ${CLIENT_SDK_INSTRUMENTS_MAX} per client`);
    }
    if (!this.#instrumentsOf.has(holder) && this.#instrumentsOf.size >= CLIENT_SDK_SUBSCRIPTIONS_MAX) {
      throw new AppError('subscription_limit', `at most ${CLIENT_SDK_SUBSCRIPTIONS_MAX} subscriptions per client`);
    }
    const writtenAs = new Map(instruments.map((instrument) => [instrumentKey(instrument), instrument]));
    for (const key of keys) {
      const entry = this.#entries.get(key) ?? { wire: writtenAs.get(key) ?? key, holders: new Map() };
      entry.holders.set(holder, options);
      this.#entries.set(key, entry);
    }
    if (keys.length > 0) {
      const held = this.#instrumentsOf.get(holder) ?? new Set();
      for (const key of keys) held.add(key);
      this.#instrumentsOf.set(holder, held);
    }
    return keys;
  }

  /** Takes the instruments from one holder; from all holders when none is named. Both names of an instrument count. */
  remove(instruments: Iterable<Instrument>, holder?: number): void {
    for (const instrument of instruments) {
      for (const key of this.#namesOf(instrumentKey(instrument))) {
        const holders = this.#entries.get(key)?.holders;
        if (!holders) continue;
        for (const id of holder === undefined ? [...holders.keys()] : [holder]) this.#take(key, id, holders);
      }
    }
  }

  /** Options of one holder's instruments, or the mode of everybody's. False where nobody holds the instrument. */
  setMode(instrument: Instrument, mode: TickMode): boolean {
    const names = this.#namesOf(instrumentKey(instrument)).filter((key) => this.#entries.has(key));
    for (const key of names) {
      const holders = this.#entries.get(key)?.holders ?? new Map<number, StreamOptions>();
      for (const [holder, options] of holders) holders.set(holder, { ...options, mode });
    }
    return names.length > 0;
  }

  instrumentsHeldBy(holder: number): readonly Instrument[] {
    return [...(this.#instrumentsOf.get(holder) ?? [])];
  }

  /** Whether the holder has the instrument of that token, by either name. */
  holds(holder: number, token: number): boolean {
    const held = this.#instrumentsOf.get(holder);
    if (!held) return false;
    const symbol = this.#symbolOf.get(token);
    return held.has(token) || (symbol !== undefined && held.has(symbol));
  }

  /** Whether anybody has the instrument of that token, by either name. */
  isWanted(token: number): boolean {
    return this.#namesOf(token).some((key) => this.#entries.has(key));
  }

  /** The key under which both names of an instrument meet: the token, once it is known. */
  canonicalOf(key: Instrument): Instrument {
    return typeof key === 'string' ? (this.#tokenOf.get(key) ?? key) : key;
  }

  tokenOf(instrument: Instrument): number | undefined {
    const canonical = this.canonicalOf(instrumentKey(instrument));
    return typeof canonical === 'number' ? canonical : undefined;
  }

  /**
   * Learns which token a wanted symbol has; symbols that nobody asked for are not kept.
   * Gives the key that the symbol went by until now when that changes, else undefined.
   */
  learn(symbol: string, token: number): Instrument | undefined {
    const key = symbol.toUpperCase();
    const before = this.canonicalOf(key);
    if (before === token || !this.#entries.has(key)) return undefined;
    if (typeof before === 'number') this.#symbolOf.delete(before);
    this.#tokenOf.set(key, token);
    this.#symbolOf.set(token, key);
    return before;
  }

  /** Every stream to ask for, by canonical key. */
  wanted(): Map<Instrument, WantedStream> {
    const wanted = new Map<Instrument, WantedStream>();
    for (const [key, { wire, holders }] of this.#entries) {
      const canonical = this.canonicalOf(key);
      let stream = wanted.get(canonical);
      for (const options of holders.values()) {
        const isByToken = typeof wire === 'number' || stream === undefined;
        stream = {
          wire: isByToken ? wire : (stream?.wire ?? wire),
          options: stream ? mergeOptions(stream.options, options) : options,
        };
      }
      if (stream) wanted.set(canonical, stream);
    }
    return wanted;
  }

  #namesOf(key: Instrument): Instrument[] {
    const other = typeof key === 'string' ? this.#tokenOf.get(key) : this.#symbolOf.get(key);
    return other === undefined ? [key] : [key, other];
  }

  #take(key: Instrument, holder: number, holders: Map<number, StreamOptions>): void {
    holders.delete(holder);
    const held = this.#instrumentsOf.get(holder);
    held?.delete(key);
    if (held?.size === 0) this.#instrumentsOf.delete(holder);
    if (holders.size > 0) return;
    this.#entries.delete(key);
    const token = typeof key === 'string' ? this.#tokenOf.get(key) : undefined;
    if (typeof key !== 'string' || token === undefined) return;
    this.#tokenOf.delete(key);
    this.#symbolOf.delete(token);
  }
}
