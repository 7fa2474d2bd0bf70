// Into a chain: contracts looked up, a window registered with the shards, and made a session's or a document's.
import { Chain } from '../core/chain.ts';
import type { ChainHolder, ChainTerms } from '../core/chain-book.ts';
import { type ChainName, membersOf } from '../core/chain-contracts.ts';
import type { ChainRefusal } from '../core/chain-refusal.ts';
import type { SessionIndex } from '../core/subscriptions.ts';
import type { ChainContext, ChainStreams } from './chain-streams.ts';

/** Who wants a chain. */
export interface ChainGuest {
  /** Absent for a document. */
  readonly session: SessionIndex | undefined;
  readonly isHere: () => boolean;
  /** Why this one can have no such chain. */
  readonly refusal: () => ChainRefusal | undefined;
}

export type ChainEntry =
  | { readonly kind: 'joined'; readonly holder: ChainHolder }
  | { readonly kind: 'refused'; readonly refusal: ChainRefusal }
  /** Nobody is left to be answered. */
  | { readonly kind: 'gone' };

export async function enterChain(
  { book, calls, flusher, tellShards }: ChainContext,
  chains: ChainStreams,
  { session, isHere, refusal }: ChainGuest,
  name: ChainName,
  own: ChainTerms,
): Promise<ChainEntry> {
  const found = await chains.look(name);
  if (!isHere()) return { kind: 'gone' };
  const refused = found.refusal ?? refusal();
  if (refused) return { kind: 'refused', refusal: refused };
  const chain = book.chains.find(name) ?? new Chain(name, found.contracts);
  if (!chain.contracts || chain.lookedUpAtMs === Number.NEGATIVE_INFINITY) {
    // One that a socket has remembered has none yet.
    if (found.contracts) chain.contracts = found.contracts;
    chain.lookedUpAtMs = Date.now();
  }
  const planned = chain.window(own.strikes);
  const plan = planned && book.chains.plan(planned);
  const [unplaced] = plan?.rejected ?? [];
  if (plan && !unplaced) book.chains.strike(chain, await calls.register(plan.contacts));
  const window = unplaced || !isHere() ? undefined : book.chains.adopt(chain).window(own.strikes);
  // What has changed goes to the present subscribers now; the new one gets it in its snapshot, once.
  flusher.flush(true);
  const joined = window && book.chains.join(session, chain, window, own);
  tellShards([...(joined?.changes ?? []), ...book.unclaim(plan?.accepted ?? [])]);
  chains.onNews();
  if (unplaced) return { kind: 'refused', refusal: unplaced };
  return joined ? { kind: 'joined', holder: joined.holder } : { kind: 'gone' };
}

/** The members of a holder's window, by strike. */
export function membersOfHolder({ window }: ChainHolder) {
  return window ? membersOf(window) : [];
}
