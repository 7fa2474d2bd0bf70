// Clients' subscriptions to bars: registered with the shards like those to ticks, answered, and begun with the open bar.
import type { BarItem, ClientCommand } from '../core/protocol.ts';
import { rejection } from '../core/rejection.ts';
import type { CommandContext } from './client-commands.ts';
import type { Session } from './client-sockets.ts';

type BarCommand = Extract<ClientCommand, { kind: 'subscribe_bars' | 'unsubscribe_bars' }>;

export class BarCommands {
  readonly #context: CommandContext;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  async subscribe(session: Session, command: BarCommand): Promise<void> {
    const { book, sockets, calls, flusher, tellShards } = this.#context;
    const { items, rejected: notFound } = await this.#itemsOf(command);
    const plan = book.bars.plan(session.index, items);
    const refusals = await calls.register(plan.contacts);
    const isGone = !sockets.get(session.socket);
    const accepted = isGone ? [] : plan.accepted.filter(({ token }) => !refusals.has(token));
    book.bars.subscribe(session.index, accepted);
    tellShards(book.unclaim(plan.accepted));
    if (isGone) return;
    sockets.remember(session);
    const refused = [...refusals].map(([token, code]) => rejection('token', token, code));
    this.#answer(session, command, 'subscribed_bars', accepted, [...notFound, ...plan.rejected, ...refused]);
    flusher.sendBars(book.bars.currentOf(session.index, accepted));
  }

  async unsubscribe(session: Session, command: BarCommand): Promise<void> {
    const { book, sockets, tellShards } = this.#context;
    const { items, rejected } = await this.#itemsOf(command);
    if (!sockets.get(session.socket)) return;
    book.delivery.dropBars(session.index, book.bars.keysOf(items));
    tellShards(book.bars.unsubscribe(session.index, items));
    sockets.remember(session);
    this.#answer(session, command, 'unsubscribed_bars', items, rejected);
  }

  async #itemsOf({ tokens, symbols, rejected, interval }: BarCommand) {
    const looked = await this.#context.symbols.look(symbols);
    const all = new Set([...tokens, ...looked.tokens.values()]);
    const items = [...all].map((token): BarItem => ({ token, interval }));
    return { items, rejected: [...rejected, ...looked.rejected] };
  }

  #answer(
    session: Session,
    { interval, id }: BarCommand,
    kind: 'subscribed_bars' | 'unsubscribed_bars',
    items: readonly BarItem[],
    rejected: BarCommand['rejected'],
  ): void {
    const { book, sockets } = this.#context;
    const tokens = items.map(({ token }) => token);
    const total = book.bars.countOf(session.index);
    const given = id === undefined ? {} : { id };
    sockets.tell(session, { kind, interval, tokens, rejected, total, ...given });
  }
}
