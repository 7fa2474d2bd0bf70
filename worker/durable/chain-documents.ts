// GET /chain at a gateway: a window that follows the forward as a client's does, until its members have values.
import { CHAIN_DOCUMENT_LOOK_MS, CHAIN_DOCUMENT_MS_MAX, CHAIN_DOCUMENTS_MAX } from '../../shared/limits.ts';
import type { ChainHolder } from '../core/chain-book.ts';
import type { ChainName } from '../core/chain-contracts.ts';
import type { ChainRefusal } from '../core/chain-refusal.ts';
import { termsOf } from '../core/terms.ts';
import { encodeChainDocument } from '../dialects/native-json/chain.ts';
import { encodeTickData } from '../dialects/native-json/tick.ts';
import { enterChain, membersOfHolder } from './chain-entry.ts';
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
    const guest = { session: undefined, isHere: () => true, refusal: () => undefined };
    const own = { strikes, terms: termsOf(3, 'rt') };
    const entry = await enterChain(this.#context, this.#chains, guest, name, own);
    if (entry.kind === 'refused') return { refusal: entry.refusal };
    if (entry.kind === 'gone')
      return { refusal: { code: 'internal', message: 'the chain has no contracts' } };
    try {
      await this.#values(entry.holder);
      return { json: this.#encode(entry.holder) };
    } finally {
      const { book, tellShards } = this.#context;
      tellShards(book.chains.leave(entry.holder));
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

  #encode(holder: ChainHolder): string {
    const { book } = this.#context;
    const { chain, strikes, window } = holder;
    const members = membersOfHolder(holder).map((member) => ({
      member,
      tick: book.values.encode(member.token, encodeTickData, book.delivery.seq),
    }));
    const figures = window ? book.chains.figuresOf(chain, window) : { strikesCounted: 0 };
    return encodeChainDocument(chain.name, strikes, members, figures);
  }
}
