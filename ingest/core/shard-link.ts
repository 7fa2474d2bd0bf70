// What the sidecar knows of one shard: the slots that have news for it, the batch under way, and what its memory holds.
import { BATCH_TICKS_MAX, SIDECAR_INSTRUMENTS_MAX } from '../../shared/limits.ts';

const DIRTY_SLOTS_AT_START = 1_024;

/** A batch that was taken and not yet acknowledged or given up. Tokens, not slots: slots may move meanwhile. */
export interface BatchUnderWay {
  readonly tokens: Uint32Array;
  ticks: number;
  definitions: number[];
  hasKnownTokens: boolean;
}

export class ShardLink {
  readonly shard: number;
  nextSeq = 1;
  /** The shard's memory that last answered, 0 for none yet. */
  boot = 0;
  /** The demand that was last heard, 0 for none. */
  demandVersion = 0;
  knownTokensSent = false;
  isUnderWay = false;
  /** Tokens whose definition the shard's memory does not have, or has of the list before. */
  readonly definitionsDue = new Set<number>();
  readonly underWay: BatchUnderWay = {
    tokens: new Uint32Array(BATCH_TICKS_MAX),
    ticks: 0,
    definitions: [],
    hasKnownTokens: false,
  };
  #dirtySlots = new Uint32Array(DIRTY_SLOTS_AT_START);
  #dirtyCount = 0;

  constructor(shard: number) {
    this.shard = shard;
  }

  get dirtyCount(): number {
    return this.#dirtyCount;
  }

  /** Slots with news, oldest news first. The caller guards against a slot being listed twice. */
  pushDirty(slot: number): void {
    if (this.#dirtyCount === this.#dirtySlots.length) this.#grow();
    this.#dirtySlots[this.#dirtyCount++] = slot;
  }

  /** Calls `take` for each dirty slot in order; those for which it returns true leave the list. */
  removeDirty(take: (slot: number) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.#dirtyCount; i++) {
      const slot = this.#dirtySlots[i] as number;
      if (!take(slot)) this.#dirtySlots[kept++] = slot;
    }
    this.#dirtyCount = kept;
  }

  #grow(): void {
    const length = Math.min(this.#dirtySlots.length * 2, SIDECAR_INSTRUMENTS_MAX);
    if (length === this.#dirtySlots.length)
      throw new RangeError(`more than ${length} dirty slots in a shard`);
    const grown = new Uint32Array(length);
    grown.set(this.#dirtySlots);
    this.#dirtySlots = grown;
  }
}
