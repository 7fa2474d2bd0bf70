// What a session has subscribed to, as its client is told.
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import { modeOfRank } from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';
import type { BarBook } from './bar-book.ts';
import type { ChainBook, ChainHolder } from './chain-book.ts';
import { tickFilterOf } from './filters.ts';
import type { BarLine, ChainLine, SubscriptionLine } from './protocol.ts';
import type { SessionIndex, Subscriptions } from './subscriptions.ts';
import { rankOfTerms, speedOfTerms } from './terms.ts';

export interface SubscribedSource {
  readonly store: TickStore;
  readonly subscriptions: Subscriptions;
  readonly definitions: readonly (InstrumentDefinition | undefined)[];
  readonly bars: BarBook;
  readonly chains: ChainBook;
  /** Tokens that the session has subscribed to itself. */
  readonly tokensOf: (session: SessionIndex) => InstrumentToken[];
}

export function chainLineOf({ chain, strikes, terms }: ChainHolder): ChainLine {
  return { ...chain.name, strikes, mode: modeOfRank(rankOfTerms(terms)), speed: speedOfTerms(terms) };
}

export class SubscriptionLines {
  readonly #source: SubscribedSource;

  constructor(source: SubscribedSource) {
    this.#source = source;
  }

  /** All that a session has subscribed to itself, or the tokens given. */
  of(session: SessionIndex, only?: readonly InstrumentToken[]): SubscriptionLine[] {
    const { store, subscriptions, tokensOf } = this.#source;
    const lines: SubscriptionLine[] = [];
    for (const token of only ?? tokensOf(session)) {
      const slot = store.slotOf(token);
      const terms = subscriptions.termsFor(session, slot);
      if (terms === 0) continue;
      const symbol = this.#symbolAt(slot);
      const filter = subscriptions.filters.get(session, slot);
      const isLive = symbol !== undefined && store.kindAt(slot) !== 0;
      lines.push({
        token,
        ...(symbol ? { symbol } : {}),
        mode: modeOfRank(rankOfTerms(terms)),
        speed: speedOfTerms(terms),
        ...(filter ? { filter: tickFilterOf(filter, token) } : {}),
        isLive,
      });
    }
    return lines;
  }

  barsOf(session: SessionIndex): BarLine[] {
    return this.#source.bars.linesOf(session, (slot) => this.#symbolAt(slot));
  }

  chainsOf(session: SessionIndex): ChainLine[] {
    return [...this.#source.chains.of(session)].map(chainLineOf);
  }

  /** `EXCHANGE:SYMBOL`, once the definition is here. */
  #symbolAt(slot: number): string | undefined {
    const definition = this.#source.definitions[slot];
    return definition && `${definition.exchange}:${definition.tradingsymbol}`;
  }
}
