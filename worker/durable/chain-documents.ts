// GET /chain at a gateway: a window that follows the forward as a client's does, until its members have values.
import { CHAIN_DOCUMENT_LOOK_MS, CHAIN_DOCUMENT_MS_MAX, CHAIN_DOCUMENTS_MAX } from '../../shared/limits.ts';
import { Chain } from '../core/chain.ts';
import type { ChainHolder } from '../core/chain-book.ts';
import { type ChainName, membersOf } from '../core/chain-contracts.ts';
import type { ChainRefusal } from '../core/chain-refusal.ts';
import { termsOf } from '../core/terms.ts';
import { encodeChainDocument } from '../dialects/native-json/chain.ts';
import { encodeTickData } from '../dialects/native-json/tick.ts';
import type { ChainContext, ChainStreams } from './chain-streams.ts';

/** The document as JSON, or why there is none. */
export type ChainDocument = { readonly json: string } | { readonly refusal: ChainRefusal };

export class ChainDocuments {
  readonly #context: ChainContext;
  readonly #chains: ChainStreams;
  /** Documents that are being gathered. */
  #open = 0;

  constructor(context: ChainContext, chains: ChainStreams) {
    this.#context = context;
    this.#chains = chains;
  }

  async gather(name: ChainName, strikes: number): Promise<ChainDocument> {
    if (this.#open >= CHAIN_DOCUMENTS_MAX) {
      const message = `${CHAIN_DOCUMENTS_MAX} chains are being gathered here, try again`;
      return { refusal: { code: 'gateway_full', message } };
    }
    this.#open++;
    try {
      return await this.#gather(name, strikes);
    } finally {
      this.#open--;
    }
  }

  async #gather(name: ChainName, strikes: number): Promise<ChainDocument> {
    const { book, calls, tellShards } = this.#context;
    const { contracts, refusal } = await this.#chains.look(name);
    if (refusal) return { refusal };
    const chain = book.chains.find(name) ?? new Chain(name, contracts);
    if (!chain.contracts) chain.contracts = contracts;
    const planned = chain.window(strikes);
    const plan = planned && book.chains.plan(planned);
    const [rejected] = plan?.rejected ?? [];
    if (plan && !rejected) book.chains.strike(chain, await calls.register(plan.contacts));
    const window = rejected ? undefined : book.chains.adopt(chain).window(strikes);
    const joined = window && book.chains.join(undefined, chain, window, { strikes, terms: termsOf(3, 'rt') });
    tellShards([...(joined?.changes ?? []), ...book.unclaim(plan?.accepted ?? [])]);
    if (!joined) return { refusal: rejected ?? { code: 'internal', message: 'the chain has no window' } };
    this.#chains.onNews();
    try {
      await this.#values(joined.holder);
      return { json: this.#encode(joined.holder) };
    } finally {
      tellShards(book.chains.leave(joined.holder));
    }
  }

  /** Until the window is around the forward and its members have values, or for as long as somebody may wait. */
  async #values(holder: ChainHolder): Promise<void> {
    const { chains } = this.#context.book;
    for (let waitedMs = 0; waitedMs < CHAIN_DOCUMENT_MS_MAX; waitedMs += CHAIN_DOCUMENT_LOOK_MS) {
      const isSettled = holder.window !== undefined && holder.chain.isCurrent(holder.window);
      const isPlaced = !holder.chain.isAnchored || holder.members.size === 0;
      if (isPlaced && isSettled && chains.isComplete(holder)) return;
      await new Promise((resolve) => setTimeout(resolve, CHAIN_DOCUMENT_LOOK_MS));
    }
  }

  #encode({ chain, strikes, window }: ChainHolder): string {
    const { book } = this.#context;
    if (!window) return encodeChainDocument(chain.name, strikes, [], { strikesCounted: 0 });
    const members = membersOf(window).map((member) => ({
      member,
      tick: book.values.encode(member.token, encodeTickData, book.delivery.seq),
    }));
    return encodeChainDocument(chain.name, strikes, members, book.chains.figuresOf(chain, window));
  }
}
