// Clients' subscriptions to bars: registered with the shards like those to ticks, answered, and begun with what is missed.
import type { InstrumentToken } from '../../shared/instrument.ts';
import type { BarLine, BarRequest, ClientCommand, RejectedItem } from '../core/protocol.ts';
import { asNamed, rejection } from '../core/rejection.ts';
import type { CommandContext } from './client-commands.ts';
import type { Session } from './client-sockets.ts';

type BarCommand = Extract<ClientCommand, { kind: 'subscribe_bars' | 'unsubscribe_bars' }>;

interface Answer {
  readonly kind: 'subscribed_bars' | 'unsubscribed_bars';
  readonly tokens: readonly InstrumentToken[];
  readonly rejected: readonly RejectedItem[];
  readonly items?: readonly BarLine[];
}

export class BarCommands {
  readonly #context: CommandContext;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  async subscribe(session: Session, command: BarCommand): Promise<void> {
    const { book, sockets, calls, flusher, tellShards } = this.#context;
    const { items, symbolOf, rejected: notFound } = await this.#itemsOf(command);
    const plan = book.bars.plan(session.index, items);
    const refusals = await calls.register(plan.contacts);
    const isGone = !sockets.get(session.socket);
    const accepted = isGone ? [] : plan.accepted.filter(({ token }) => !refusals.has(token));
    book.bars.subscribe(session.index, accepted);
    tellShards(book.unclaim(plan.accepted));
    if (isGone) return;
    sockets.remember(session);
    const refused = [...refusals].map(([token, code]) => rejection('token', token, code));
    const unplaced = asNamed([...plan.rejected, ...refused], new Set(command.tokens), symbolOf);
    const lines = accepted.map(({ token, interval }): BarLine => {
      const symbol = symbolOf.get(token);
      return { token, ...(symbol === undefined ? {} : { symbol }), interval };
    });
    this.#answer(session, command, {
      kind: 'subscribed_bars',
      tokens: accepted.map(({ token }) => token),
      rejected: [...notFound, ...unplaced],
      ...(command.symbols.length > 0 ? { items: lines } : {}),
    });
    flusher.sendBars(book.bars.currentOf(session.index, accepted));
  }

  async unsubscribe(session: Session, command: BarCommand): Promise<void> {
    const { book, sockets, tellShards } = this.#context;
    const { items, rejected } = await this.#itemsOf(command);
    if (!sockets.get(session.socket)) return;
    book.delivery.dropBars(session.index, book.bars.keysOf(items));
    tellShards(book.bars.unsubscribe(session.index, items));
    sockets.remember(session);
    const tokens = items.map(({ token }) => token);
    this.#answer(session, command, { kind: 'unsubscribed_bars', tokens, rejected });
  }

  async #itemsOf({ tokens, symbols, afterMs, rejected, interval }: BarCommand) {
    const looked = await this.#context.symbols.look(symbols);
    const symbolOf = new Map([...looked.tokens].map(([symbol, token]) => [token, symbol]));
    const all = new Set([...tokens, ...looked.tokens.values()]);
    const items = [...all].map((token): BarRequest => {
      const after = afterMs.get(token) ?? afterMs.get(symbolOf.get(token) ?? '');
      return { token, interval, ...(after === undefined ? {} : { afterMs: after }) };
    });
    return { items, symbolOf, rejected: [...rejected, ...looked.rejected] };
  }

  #answer(session: Session, { interval, id }: BarCommand, answer: Answer): void {
    const { book, sockets } = this.#context;
    const total = book.bars.countOf(session.index);
    sockets.tell(session, { ...answer, interval, total, ...(id === undefined ? {} : { id }) });
  }
}
