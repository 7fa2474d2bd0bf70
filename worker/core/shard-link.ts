// A gateway's view of one shard: whether it has heard everything, and what to do with a push that says it has not.
import { GATEWAY_PUSHES_HELD_MAX } from '../../shared/limits.ts';
import type { ShardPush, Snapshot } from './shard-book.ts';

/**
 * `unsynced`: nothing can be trusted, current values must be fetched. `syncing`: they are being fetched, pushes wait.
 * `synced`: pushes up to `seq` of the shard's memory `boot` are in the gateway.
 */
type LinkState =
  | { readonly kind: 'unsynced' }
  | { readonly kind: 'syncing'; readonly held: ShardPush[]; overflowed: boolean }
  | { readonly kind: 'synced'; readonly boot: number; seq: number };

/** `apply` it, `drop` it (already contained, or held back), or fetch current values (`resync`) before going on. */
export type PushVerdict = 'apply' | 'drop' | 'resync';

export class ShardLink {
  #state: LinkState = { kind: 'unsynced' };
  #syncs = 0;

  get isSynced(): boolean {
    return this.#state.kind === 'synced';
  }

  get isSyncing(): boolean {
    return this.#state.kind === 'syncing';
  }

  /** The shard's memory that this link is in step with; 0 while it is with none. */
  get boot(): number {
    return this.#state.kind === 'synced' ? this.#state.boot : 0;
  }

  /** Synchronisations begun so far. A registration notes it when it asks, for `onAnswer`. */
  get syncs(): number {
    return this.#syncs;
  }

  onPush(push: ShardPush): PushVerdict {
    const state = this.#state;
    switch (state.kind) {
      case 'unsynced':
        return 'resync';
      case 'syncing':
        if (state.held.length < GATEWAY_PUSHES_HELD_MAX) state.held.push(push);
        else state.overflowed = true;
        return 'drop';
      case 'synced':
        if (push.boot === state.boot && push.seq <= state.seq) return 'drop';
        if (push.boot !== state.boot || push.seq !== state.seq + 1) return 'resync';
        state.seq = push.seq;
        return 'apply';
    }
  }

  /**
   * Whether the answer to a registration counts; if not, it has to ask again. Answers overtake each other: one that was
   * asked for before the last synchronisation may say that an instrument exists which the shard has struck since, told
   * with that synchronisation, and will not tell again.
   */
  onAnswer(syncs: number, boot: number): boolean {
    const state = this.#state;
    if (state.kind !== 'synced' || syncs !== this.#syncs) return false;
    // The shard has lost its memory between the two calls: what we hold of it is of another life.
    if (boot !== state.boot) this.reset();
    return boot === state.boot;
  }

  beginSync(): void {
    this.#syncs++;
    this.#state = { kind: 'syncing', held: [], overflowed: false };
  }

  /**
   * The snapshot has arrived. Returns the held pushes that come after it, in order, or undefined when one is missing:
   * then the link is unsynced and the caller asks again.
   */
  finishSync(snapshot: Snapshot): readonly ShardPush[] | undefined {
    const state = this.#state;
    const held = state.kind === 'syncing' ? state.held : [];
    const isComplete = state.kind === 'syncing' && !state.overflowed;
    const later = held.filter(({ boot, seq }) => boot !== snapshot.boot || seq > snapshot.pushSeq);
    const inOrder = later.every(
      (push, i) => push.boot === snapshot.boot && push.seq === snapshot.pushSeq + 1 + i,
    );
    if (!isComplete || !inOrder) {
      this.reset();
      return undefined;
    }
    this.#state = { kind: 'synced', boot: snapshot.boot, seq: snapshot.pushSeq + later.length };
    return later;
  }

  /** Nothing that was heard counts any more: a call failed, or the shard's memory is another one. */
  reset(): void {
    this.#state = { kind: 'unsynced' };
  }
}
