// Chains while they are wanted: windows that follow the forward, and figures for those who have not had them.
import { CHAIN_LISTS_REMEMBERED_MS, CHAIN_RELOAD_MS } from '../../shared/limits.ts';
import type { Chain, ChainFigures } from '../core/chain.ts';
import type { ChainBook, ChainHolder, ChainMove } from '../core/chain-book.ts';
import { type ChainName, type ChainWindow, membersOf } from '../core/chain-contracts.ts';
import type { GatewayBook, InterestChange } from '../core/gateway-book.ts';
import type { Env } from '../env.ts';
import { ChainDocuments } from './chain-documents.ts';
import { ChainLists, type FoundChain } from './chain-lists.ts';
import type { ClientSockets, Session } from './client-sockets.ts';
import type { GatewayFlusher } from './gateway-flusher.ts';
import type { ShardCalls } from './shard-calls.ts';

export interface ChainContext {
  readonly gateway: string;
  readonly book: GatewayBook;
  readonly sockets: ClientSockets;
  readonly flusher: GatewayFlusher;
  readonly calls: ShardCalls;
  readonly tellShards: (changes: readonly InterestChange[]) => void;
}

type MovePlan = NonNullable<ReturnType<ChainBook['planMove']>>;

export class ChainStreams {
  readonly documents: ChainDocuments;
  readonly #context: ChainContext;
  readonly #lists: ChainLists;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(context: ChainContext, env: Env, ctx: Pick<ExecutionContext, 'waitUntil'>) {
    this.#context = context;
    this.#lists = new ChainLists(env, ctx);
    this.documents = new ChainDocuments(context, this);
  }

  /** The contracts of a chain, or why there are none. */
  look(name: ChainName): Promise<FoundChain> {
    return this.#lists.look(name);
  }

  /** Values have come: looks at the chains that they are of, each in its time. */
  onNews(): void {
    const nowMs = Date.now();
    const dueMs = this.#context.book.chains.schedule.nextDueMs(nowMs);
    if (dueMs === Number.POSITIVE_INFINITY || dueMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer ?? null);
    this.#timerAtMs = dueMs;
    this.#timer = setTimeout(() => this.#look(), Math.max(1, dueMs - nowMs));
  }

  #look(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    for (const chain of this.#context.book.chains.schedule.take(Date.now())) {
      this.#refresh(chain);
      chain.follow();
      const plan = chain.isMoving ? undefined : this.#context.book.chains.planMove(chain);
      if (!plan) this.#tellFigures(chain);
      else
        this.#move(chain, plan).catch((error) => {
          console.error(`gateway ${this.#context.gateway}: the chain ${chain.key} did not move: ${error}`);
        });
    }
    this.onNews();
  }

  /** Looks contracts up that this memory does not have, or has had for long. */
  #refresh(chain: Chain): void {
    const ageMs = Date.now() - chain.lookedUpAtMs;
    if (ageMs < (chain.contracts ? CHAIN_LISTS_REMEMBERED_MS : CHAIN_RELOAD_MS)) return;
    chain.lookedUpAtMs = Date.now();
    void this.#lists.look(chain.name).then(({ contracts }) => {
      if (contracts && contracts !== chain.contracts) chain.contracts = contracts;
      this.#context.book.chains.lookAgain(chain);
      this.onNews();
    });
  }

  async #move(chain: Chain, plan: MovePlan): Promise<void> {
    const { book, calls, flusher, tellShards } = this.#context;
    chain.isMoving = true;
    try {
      book.chains.strike(chain, await calls.register(plan.contacts));
      // What has changed goes out on the terms of before; who joins gets its snapshot, once.
      flusher.flush(true);
      const { moves, changes } = book.chains.move(chain, ({ session }) => this.#canBeTold(session));
      for (const move of moves) this.#tellMove(move);
      tellShards([...changes, ...book.unclaim(plan.accepted)]);
      flusher.drain();
      this.#tellFigures(chain);
    } finally {
      chain.isMoving = false;
      this.onNews();
    }
  }

  /** A client whose socket is full is not told more: it is behind until it has caught up. */
  #canBeTold(index: number | undefined): boolean {
    if (index === undefined) return true;
    const session = this.#context.sockets.byIndex(index);
    return session !== undefined && !session.outlet.isWaiting;
  }

  #tellMove({ holder, joined, left }: ChainMove): void {
    const { book, sockets } = this.#context;
    const session = this.#sessionOf(holder);
    if (!session || !holder.window) return;
    sockets.remember(session);
    const news = new Set(joined);
    const rows = book.announce(session.index, joined);
    sockets.tell(session, {
      kind: 'chain_members',
      chain: holder.chain.name,
      joined: membersOf(holder.window).filter(({ token }) => news.has(token)),
      left,
      ...(rows.length > 0 ? { rows } : {}),
    });
    book.holdSnapshot(
      session.index,
      joined.map((token) => ({ token })),
    );
  }

  #figures(chain: Chain, window: ChainWindow): { readonly figures: ChainFigures; readonly text: string } {
    const figures = this.#context.book.chains.figuresOf(chain, window);
    return { figures, text: JSON.stringify(figures) };
  }

  #sessionOf({ session }: ChainHolder): Session | undefined {
    return session === undefined ? undefined : this.#context.sockets.byIndex(session);
  }

  /** Figures are the same for all who have so many strikes: they are put together once. */
  #tellFigures(chain: Chain): void {
    const { book, sockets } = this.#context;
    const known = new Map<string, { readonly figures: ChainFigures; readonly text: string }>();
    for (const holder of book.chains.holdersOf(chain)) {
      const session = this.#sessionOf(holder);
      const { window, strikes } = holder;
      if (!session || !window) continue;
      // Also one that is behind for that reason: the next look moves its window.
      if (session.outlet.isWaiting) {
        book.chains.lookAgain(chain);
        continue;
      }
      const key = `${strikes}:${window.center}:${window.strikes.length}`;
      const { figures, text } = known.get(key) ?? this.#figures(chain, window);
      known.set(key, { figures, text });
      if (text === holder.toldFigures) continue;
      holder.toldFigures = text;
      sockets.tell(session, { kind: 'chain', chain: chain.name, figures });
    }
  }
}
