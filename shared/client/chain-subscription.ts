// What `subscribeChain` gives back: who is in the window, the chain's figures, and the ticks of its members.
import type { ChainFigures, ChainMember, ChainName } from './chain.ts';
import type { TickIterator } from './subscription.ts';
import type { Tick } from './tick.ts';

/** The server's first answer: the members, or why there is no such chain. */
export interface ChainAcknowledgement {
  readonly members: readonly ChainMember[];
  readonly refusal?: { readonly code: string; readonly message: string };
}

/** The client's side of a chain. */
export interface ChainHost {
  unsubscribe(holder: number, name: ChainName): void;
  membersOf(name: ChainName): readonly ChainMember[];
  figuresOf(name: ChainName): ChainFigures | undefined;
}

export class ChainSubscription implements AsyncIterable<Tick, undefined> {
  readonly chain: ChainName;
  /** As that of other subscriptions: settles with the first answer, and rejects only when the client ends before. */
  readonly accepted: Promise<ChainAcknowledgement>;
  readonly #host: ChainHost;
  readonly #holder: number;
  readonly #ticksOf: () => TickIterator;
  readonly #onGivenUp: () => void;

  constructor(
    host: ChainHost,
    holder: number,
    chain: ChainName,
    accepted: Promise<ChainAcknowledgement>,
    ticksOf: () => TickIterator,
    onGivenUp: () => void,
  ) {
    this.#host = host;
    this.#holder = holder;
    this.chain = chain;
    this.accepted = accepted;
    this.#ticksOf = ticksOf;
    this.#onGivenUp = onGivenUp;
  }

  /** By strike, calls first; as last told, also while there is no connection. */
  get members(): readonly ChainMember[] {
    return this.#host.membersOf(this.chain);
  }

  /** As last told. */
  get figures(): ChainFigures | undefined {
    return this.#host.figuresOf(this.chain);
  }

  /** Gives the chain up; other subscriptions to it, or to members of it, go on. */
  unsubscribe(): void {
    this.#host.unsubscribe(this.#holder, this.chain);
    this.#onGivenUp();
  }

  /** Ticks of whoever is a member, from the last live values on; ends when the chain is given up or the client closes. */
  [Symbol.asyncIterator](): TickIterator {
    return this.#ticksOf();
  }
}
