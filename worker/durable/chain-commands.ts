// Clients' subscriptions to chains: the contracts looked up, a window of them registered with the shards, and answered.

import type { ErrorCode } from '../../shared/errors.ts';
import { Chain } from '../core/chain.ts';
import { membersOf } from '../core/chain-contracts.ts';
import type { ClientCommand } from '../core/protocol.ts';
import { chainLineOf } from '../core/subscription-lines.ts';
import { termsOf } from '../core/terms.ts';
import type { CommandContext } from './client-commands.ts';
import type { Session } from './client-sockets.ts';

type Subscribe = Extract<ClientCommand, { kind: 'subscribe_chain' }>;
type Unsubscribe = Extract<ClientCommand, { kind: 'unsubscribe_chain' }>;

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

export class ChainCommands {
  readonly #context: CommandContext;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  async subscribe(session: Session, command: Subscribe): Promise<void> {
    const { book, sockets, calls, flusher, tellShards, chains } = this.#context;
    const { chain: name, strikes, rank, speed } = command;
    const { contracts, refusal: unknown } = await chains.look(name);
    if (!sockets.get(session.socket)) return;
    const refusal =
      unknown ?? book.chains.refusalOf(session.index, name, strikes, book.ownCountOf(session.index));
    if (refusal) return this.#refuse(session, command, refusal);
    const chain = book.chains.find(name) ?? new Chain(name, contracts);
    // One that was restored after a loss of memory has none yet.
    if (contracts && !chain.contracts) chain.contracts = contracts;
    const planned = chain.window(strikes);
    if (!planned) return;
    const plan = book.chains.plan(planned);
    const isPlaced = plan.rejected.length === 0;
    if (isPlaced) book.chains.strike(chain, await calls.register(plan.contacts));
    const isGone = !sockets.get(session.socket);
    const window = isPlaced && !isGone ? book.chains.adopt(chain).window(strikes) : undefined;
    // What has changed goes to the present subscribers now; the new one gets it in its snapshot, once.
    flusher.flush(true);
    const joined =
      window && book.chains.join(session.index, chain, window, { strikes, terms: termsOf(rank, speed) });
    tellShards([...(joined?.changes ?? []), ...book.unclaim(plan.accepted)]);
    if (isGone) return;
    const [rejected] = plan.rejected;
    if (rejected) return this.#refuse(session, command, rejected);
    if (!joined || !window) return;
    sockets.remember(session);
    const members = membersOf(window);
    const tokens = members.map(({ token }) => token);
    const rows = book.announce(session.index, tokens);
    sockets.tell(session, {
      kind: 'subscribed_chain',
      line: chainLineOf(joined.holder),
      members,
      pending: book.values.pendingOf(tokens),
      total: book.chains.countOf(session.index),
      ...(rows.length > 0 ? { rows } : {}),
      ...idOf(command),
    });
    book.holdSnapshot(session.index, members);
    flusher.drain();
    chains.onNews();
  }

  unsubscribe(session: Session, command: Unsubscribe): void {
    const { book, sockets, tellShards } = this.#context;
    const holder = book.chains.holderOf(session.index, command.chain);
    if (holder) tellShards(book.chains.leave(holder));
    sockets.remember(session);
    const total = book.chains.countOf(session.index);
    sockets.tell(session, { kind: 'unsubscribed_chain', chain: command.chain, total, ...idOf(command) });
  }

  #refuse(session: Session, command: Subscribe, { code, message }: Refusal): void {
    this.#context.sockets.tell(session, { kind: 'error', code, message, ...idOf(command) });
  }
}

function idOf({ id }: ClientCommand) {
  return id === undefined ? {} : { id };
}
