// One chain at a gateway, shared by all who want it: contracts, forward, where its window is, and its figures.
import { expiryTimeMs } from '../../shared/expiry-time.ts';
import { priceDivisorOf, segmentOf } from '../../shared/instrument.ts';
import {
  FORWARD_SOURCES,
  type ForwardSource,
  GREEKS_AT,
  greekOfWord,
  hasGreeks,
} from '../../shared/record-greeks.ts';
import {
  AT,
  exchangeTimeOf,
  FULL_RECORD_WORDS,
  isFullKind,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  receivedAtOf,
} from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';
import {
  anchorOf,
  type ChainContracts,
  type ChainName,
  type ChainWindow,
  centerAfter,
  chainKey,
  membersOf,
  windowOf,
} from './chain-contracts.ts';
import { type LegValues, type StrikeFigures, type StrikeValues, strikeFigures } from './chain-figures.ts';

/** What a chain's subscribers are told of it as a whole. Prices in rupees; what is not known is absent. */
export interface ChainFigures extends StrikeFigures {
  /** As the member that changed last has it in its Greeks. */
  readonly forward?: number;
  readonly forwardSource?: ForwardSource;
  readonly underlying?: number;
  /** Calendar days from the newest exchange time of a member to the exchange's expiry moment; below zero after it. */
  readonly daysToExpiry?: number;
}

interface Forward {
  /** Of the record that it is from; later than all others once one was news. */
  readonly receivedAtMs: number;
  readonly forward: number;
  readonly source: ForwardSource | undefined;
  readonly underlying: number | undefined;
}

const DAY_MS = 86_400_000;
const GREEKS_BYTES = FULL_RECORD_WORDS * 4;

export class Chain {
  readonly name: ChainName;
  readonly key: string;
  /** Absent after a loss of memory, until they are looked up again. */
  #contracts: ChainContracts | undefined;
  #center: number;
  #forward: Forward | undefined;
  #newestTimeS = 0;
  /** The window has been moved to a forward: from now on it moves only when that is far enough. */
  #hasFollowed = false;
  /** When the contracts were last looked up, or were tried to be. */
  lookedUpAtMs = Number.NEGATIVE_INFINITY;
  /** When figures and window were last looked at. */
  lookedAtMs = Number.NEGATIVE_INFINITY;
  /** A move waits for the shards. */
  isMoving = false;

  /** `center` is where its window was before this memory. */
  constructor(name: ChainName, contracts: ChainContracts | undefined, center?: number) {
    this.name = name;
    this.key = chainKey(name);
    this.#contracts = contracts;
    this.#hasFollowed = center !== undefined;
    this.#center = center ?? anchorOf(contracts ?? []);
  }

  get contracts(): ChainContracts | undefined {
    return this.#contracts;
  }

  set contracts(contracts: ChainContracts) {
    this.#contracts = contracts;
  }

  get center(): number {
    return this.#center;
  }

  /** True while nobody knows where the money is: the first forward that comes is to be followed at once. */
  get isAnchored(): boolean {
    return !this.#hasFollowed;
  }

  /** The window as it is to be; undefined while the contracts are not known. */
  window(strikesEachSide: number): ChainWindow | undefined {
    return this.#contracts && windowOf(this.#contracts, this.#center, strikesEachSide);
  }

  isCurrent({ contracts, center }: ChainWindow): boolean {
    return contracts === this.#contracts && center === this.#center;
  }

  /**
   * The slot's record of a member is news, or was there when it became one. What is news has the forward of now, also where the
   * record was received long ago; what was there may have the one of hours ago, from when somebody last wanted the instrument.
   */
  note(store: TickStore, slot: number, isNews: boolean): void {
    const at = store.byteOffset(slot);
    const { view, words } = store;
    this.#newestTimeS = Math.max(this.#newestTimeS, exchangeTimeOf(words, slot * RECORD_WORDS_MAX));
    if (view.getUint32(at + AT.kind, true) !== RECORD_KIND.optionFull) return;
    const raw = view.getUint32(at + GREEKS_BYTES + GREEKS_AT.forward, true);
    const receivedAtMs = isNews ? Number.POSITIVE_INFINITY : receivedAtOf(view, at);
    if (this.#forward && receivedAtMs < this.#forward.receivedAtMs) return;
    if (raw === 0) {
      // All members have one forward: where the newest has none, the one of before is nobody's any more.
      if (isNews) this.#forward = undefined;
      return;
    }
    const divisor = priceDivisorOf(view.getUint32(at + AT.token, true));
    const underlying = view.getUint32(at + GREEKS_BYTES + GREEKS_AT.underlying, true);
    const source = FORWARD_SOURCES[view.getUint32(at + GREEKS_BYTES + GREEKS_AT.flags, true) >>> 8];
    this.#forward = {
      receivedAtMs,
      forward: raw / divisor,
      source: source === 'none' ? undefined : source,
      underlying: underlying === 0 ? undefined : underlying / divisor,
    };
  }

  get forward(): number | undefined {
    return this.#forward?.forward;
  }

  /** Moves the middle of the window to where the forward is. Not while a move waits: its window is that of its beginning. */
  follow(): void {
    const { forward } = this;
    if (forward === undefined || !this.#contracts || this.isMoving) return;
    const from = this.#hasFollowed ? this.#center : forward;
    this.#center = centerAfter(this.#contracts, from, forward);
    this.#hasFollowed = true;
  }

  figures({ strikes }: ChainWindow, store: TickStore): ChainFigures {
    const rows = strikes.map(({ strike, legs }): StrikeValues => {
      const values = legs.flatMap(({ token, type }) => {
        const known = legValues(store, store.slotOf(token));
        return known ? [[type, known] as const] : [];
      });
      return { strike, ...Object.fromEntries(values) };
    });
    const { forward, source, underlying } = this.#forward ?? {};
    return {
      ...(forward === undefined ? {} : { forward }),
      ...(source === undefined ? {} : { forwardSource: source }),
      ...(underlying === undefined ? {} : { underlying }),
      ...strikeFigures(rows, forward),
      ...this.#daysToExpiry(strikes),
    };
  }

  #daysToExpiry(strikes: ChainContracts): { daysToExpiry?: number } {
    const token = strikes[0]?.legs[0]?.token;
    const expiryMs = token === undefined ? undefined : expiryTimeMs(segmentOf(token), this.name.expiry);
    if (expiryMs === undefined || this.#newestTimeS === 0) return {};
    return { daysToExpiry: Number(((expiryMs - this.#newestTimeS * 1_000) / DAY_MS).toFixed(4)) };
  }
}

/** What the slot's record says of a leg; undefined where there is none. */
function legValues(store: TickStore, slot: number): LegValues | undefined {
  const kind = slot < 0 ? 0 : store.kindAt(slot);
  if (!isFullKind(kind)) return undefined;
  const { view } = store;
  const at = store.byteOffset(slot);
  const traded = { oi: view.getUint32(at + AT.oi, true), volume: view.getUint32(at + AT.volume, true) };
  if (kind !== RECORD_KIND.optionFull) return traded;
  const status = view.getUint32(at + GREEKS_BYTES + GREEKS_AT.flags, true) & 0xff;
  const iv = view.getUint32(at + GREEKS_BYTES + GREEKS_AT.iv, true);
  if (!hasGreeks(status) || iv === 0) return traded;
  const delta = greekOfWord(view.getUint32(at + GREEKS_BYTES + GREEKS_AT.delta, true));
  return { ...traded, iv: greekOfWord(iv), delta };
}

/** Every token of a window. */
export function tokensOf(window: ChainWindow) {
  return membersOf(window).map(({ token }) => token);
}
