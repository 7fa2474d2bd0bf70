// What the application wants to stream, whatever the connection does: instruments, who asked, and with which options.
import { AppError } from '../errors.ts';
import { CLIENT_SDK_INSTRUMENTS_MAX, CLIENT_SDK_SUBSCRIPTIONS_MAX } from '../limits.ts';
import { type Instrument, instrumentKey } from './subscription-options.ts';

/** One stream to ask the server for. */
export interface WantedStream<Options> {
  /** As it goes to the server: a token if anybody asked by token, else the symbol as it was written. */
  readonly wire: Instrument;
  readonly options: Options;
}

interface Entry<Options> {
  readonly wire: Instrument;
  /** By holder: the subscription that asked. */
  readonly holders: Map<number, Options>;
}

/** The streams of one kind: ticks, or bars of one interval. */
export class DesiredState<Options> {
  readonly #merge: (a: Options, b: Options) => Options;
  /** By token or upper-case symbol. */
  readonly #entries = new Map<Instrument, Entry<Options>>();
  readonly #instrumentsOf = new Map<number, Set<Instrument>>();
  readonly #tokenOf = new Map<string, number>();
  /** Wanted upper-case symbols by token; two when an instrument goes by two names. */
  readonly #symbolsOf = new Map<number, Set<string>>();

  /** `merge` gives the least that serves both. */
  constructor(merge: (a: Options, b: Options) => Options) {
    this.#merge = merge;
  }

  /**
   * Adds instruments to a holder, or changes the options of those it has; all of them or, when it throws, none.
   * Throws AppError: `invalid_parameter` for what is no instrument, `subscription_limit` over the client's bounds.
   */
  add(holder: number, instruments: readonly Instrument[], options: Options): Instrument[] {
    const keys = [...new Set(instruments.map(instrumentKey))];
    const added = keys.filter((key) => !this.#entries.has(key)).length;
    if (this.#entries.size + added > CLIENT_SDK_INSTRUMENTS_MAX) {
      const counts = `${this.#entries.size} instruments and ${added} more`;
      throw new AppError('subscription_limit', `${counts}, at most ${CLIENT_SDK_INSTRUMENTS_MAX} per client`);
    }
    if (!this.#instrumentsOf.has(holder) && this.#instrumentsOf.size >= CLIENT_SDK_SUBSCRIPTIONS_MAX) {
      throw new AppError(
        'subscription_limit',
        `at most ${CLIENT_SDK_SUBSCRIPTIONS_MAX} subscriptions per client`,
      );
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

  /** Changes the options of every holder of the instrument. False when nobody holds it. */
  change(instrument: Instrument, change: (options: Options) => Options): boolean {
    const entries = this.#namesOf(instrumentKey(instrument)).flatMap((key) => this.#entries.get(key) ?? []);
    for (const { holders } of entries) {
      for (const [holder, options] of holders) holders.set(holder, change(options));
    }
    return entries.length > 0;
  }

  instrumentsHeldBy(holder: number): readonly Instrument[] {
    return [...(this.#instrumentsOf.get(holder) ?? [])];
  }

  /** Everybody who has one of these instruments, by either name. */
  holdersOf(instruments: Iterable<Instrument>): Set<number> {
    const holders = new Set<number>();
    for (const instrument of instruments) {
      for (const name of this.#namesOf(instrumentKey(instrument))) {
        for (const holder of this.#entries.get(name)?.holders.keys() ?? []) holders.add(holder);
      }
    }
    return holders;
  }

  /** Whether the holder has anything left. */
  isHolding(holder: number): boolean {
    return this.#instrumentsOf.has(holder);
  }

  /** Whether the holder still has what it asked for by this key. */
  isHeldBy(holder: number, key: Instrument): boolean {
    return this.#instrumentsOf.get(holder)?.has(key) === true;
  }

  /** Whether the holder has the instrument of that token, by either name. */
  holds(holder: number, token: number): boolean {
    const held = this.#instrumentsOf.get(holder);
    if (!held) return false;
    if (held.has(token)) return true;
    for (const symbol of this.#symbolsOf.get(token) ?? []) if (held.has(symbol)) return true;
    return false;
  }

  /** Whether anybody has the instrument of that token, by either name. */
  isWanted(token: number): boolean {
    return this.#entries.has(token) || this.#symbolsOf.has(token);
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
    if (typeof before === 'number') this.#forgetName(before, key);
    this.#tokenOf.set(key, token);
    this.#symbolsOf.set(token, (this.#symbolsOf.get(token) ?? new Set()).add(key));
    return before;
  }

  /** The stream that serves all holders of the instrument; undefined when there is none. */
  streamOf(key: Instrument): WantedStream<Options> | undefined {
    let stream: WantedStream<Options> | undefined;
    for (const name of this.#namesOf(key)) {
      const entry = this.#entries.get(name);
      for (const options of entry?.holders.values() ?? []) {
        if (stream) stream = { ...stream, options: this.#merge(stream.options, options) };
        else stream = { wire: entry?.wire ?? name, options };
      }
    }
    return stream;
  }

  /** Every stream to ask for, by canonical key. */
  wanted(): Map<Instrument, WantedStream<Options>> {
    const wanted = new Map<Instrument, WantedStream<Options>>();
    for (const key of this.#entries.keys()) {
      const canonical = this.canonicalOf(key);
      const stream = wanted.has(canonical) ? undefined : this.streamOf(canonical);
      if (stream) wanted.set(canonical, stream);
    }
    return wanted;
  }

  /** Every key that the instrument goes by, the token first. */
  #namesOf(key: Instrument): Instrument[] {
    const token = this.canonicalOf(key);
    return typeof token === 'number' ? [token, ...(this.#symbolsOf.get(token) ?? [])] : [key];
  }

  #forgetName(token: number, symbol: string): void {
    const symbols = this.#symbolsOf.get(token);
    symbols?.delete(symbol);
    if (symbols?.size === 0) this.#symbolsOf.delete(token);
  }

  #take(key: Instrument, holder: number, holders: Map<number, Options>): void {
    holders.delete(holder);
    const held = this.#instrumentsOf.get(holder);
    held?.delete(key);
    if (held?.size === 0) this.#instrumentsOf.delete(holder);
    if (holders.size > 0) return;
    this.#entries.delete(key);
    const token = typeof key === 'string' ? this.#tokenOf.get(key) : undefined;
    if (typeof key !== 'string' || token === undefined) return;
    this.#tokenOf.delete(key);
    this.#forgetName(token, key);
  }
}
