// Clients' subscriptions to chains: answered with the members of a window, which streams from then on.
import type { ClientCommand } from '../core/protocol.ts';
import { chainLineOf } from '../core/subscription-lines.ts';
import { termsOf } from '../core/terms.ts';
import { enterChain, membersOfHolder } from './chain-entry.ts';
import type { CommandContext } from './client-commands.ts';
import type { Session } from './client-sockets.ts';

type Subscribe = Extract<ClientCommand, { kind: 'subscribe_chain' }>;
type Unsubscribe = Extract<ClientCommand, { kind: 'unsubscribe_chain' }>;

export class ChainCommands {
  readonly #context: CommandContext;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  async subscribe(session: Session, command: Subscribe): Promise<void> {
    const { book, sockets, flusher, chains } = this.#context;
    const { chain: name, strikes, rank, speed } = command;
    const { index } = session;
    const guest = {
      session: index,
      isHere: () => sockets.get(session.socket) !== undefined,
      refusal: () => book.chains.refusalOf(index, name, strikes, book.ownCountOf(index)),
    };
    const entry = await enterChain(this.#context, chains, guest, name, {
      strikes,
      terms: termsOf(rank, speed),
    });
    if (entry.kind === 'gone') return;
    if (entry.kind === 'refused') {
      const { code, message } = entry.refusal;
      return sockets.tell(session, { kind: 'error', code, message, ...idOf(command) });
    }
    sockets.remember(session);
    const members = membersOfHolder(entry.holder);
    const tokens = members.map(({ token }) => token);
    const rows = book.announce(index, tokens);
    sockets.tell(session, {
      kind: 'subscribed_chain',
      line: chainLineOf(entry.holder),
      members,
      pending: book.values.pendingOf(tokens),
      total: book.chains.countOf(index),
      ...(rows.length > 0 ? { rows } : {}),
      ...idOf(command),
    });
    book.holdSnapshot(index, members);
    flusher.drain();
  }

  unsubscribe(session: Session, command: Unsubscribe): void {
    const { book, sockets, tellShards } = this.#context;
    const holder = book.chains.holderOf(session.index, command.chain);
    if (holder) tellShards(book.chains.leave(holder));
    sockets.remember(session);
    const total = book.chains.countOf(session.index);
    sockets.tell(session, { kind: 'unsubscribed_chain', chain: command.chain, total, ...idOf(command) });
  }
}

function idOf({ id }: ClientCommand) {
  return id === undefined ? {} : { id };
}
