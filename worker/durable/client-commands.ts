// What a gateway does with its clients' commands.
import { assertNever } from '../../shared/errors.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';
import { rankOfMode } from '../../shared/tick.ts';
import type { DepartedSessions } from '../core/departed-sessions.ts';
import type { GatewayBook, InterestChange } from '../core/gateway-book.ts';
import type { ClientCommand, ResumePosition, SubscribeItem, SubscriptionLine } from '../core/protocol.ts';
import { asNamed, rejection } from '../core/rejection.ts';
import type { Frame } from '../core/row-format.ts';
import { sharedTermsOf } from '../core/terms.ts';
import { BarCommands } from './bar-commands.ts';
import { ChainCommands } from './chain-commands.ts';
import type { ChainStreams } from './chain-streams.ts';
import type { ClientSockets, Session } from './client-sockets.ts';
import { CommandQueue } from './command-queue.ts';
import type { GatewayFlusher } from './gateway-flusher.ts';
import type { OrderUpdates } from './order-updates.ts';
import type { ShardCalls } from './shard-calls.ts';
import type { SymbolBook } from './symbol-book.ts';

type Command<Kind extends ClientCommand['kind']> = Extract<ClientCommand, { kind: Kind }>;

export interface CommandContext {
  readonly gateway: string;
  readonly book: GatewayBook;
  readonly departed: DepartedSessions;
  readonly sockets: ClientSockets;
  readonly flusher: GatewayFlusher;
  readonly calls: ShardCalls;
  readonly symbols: SymbolBook;
  readonly chains: ChainStreams;
  readonly orders: OrderUpdates;
  /** Takes a client's token, the first or a new one. */
  readonly authenticate: (session: Session, command: Command<'authenticate'>) => Promise<void>;
  /** Tells the shards what is no longer wanted, off the way of the answer. */
  readonly tellShards: (changes: readonly InterestChange[]) => void;
}

export class ClientCommands {
  readonly #context: CommandContext;
  readonly #bars: BarCommands;
  readonly #chains: ChainCommands;
  readonly #queue: CommandQueue;

  constructor(context: CommandContext) {
    this.#context = context;
    this.#bars = new BarCommands(context);
    this.#chains = new ChainCommands(context);
    const { gateway, sockets } = context;
    this.#queue = new CommandQueue(gateway, sockets, (session, command) => this.#carryOut(session, command));
  }

  /** Takes a message in; the promise settles when it has been answered, and never rejects. */
  receive(session: Session, message: string | ArrayBuffer): Promise<void> | undefined {
    return this.#queue.receive(session, message);
  }

  async #carryOut(session: Session, command: ClientCommand): Promise<void> {
    const { sockets, book, flusher, authenticate } = this.#context;
    if (!sockets.get(session.socket)) return;
    if (!session.bearer && command.kind !== 'authenticate') {
      const text = 'Not authenticated: send {"action":"authenticate","token":"..."} first';
      return sockets.tell(session, {
        kind: 'error',
        code: 'authenticate_first',
        message: text,
        ...idOf(command),
      });
    }
    switch (command.kind) {
      case 'subscribe':
        return this.#subscribe(session, command);
      case 'unsubscribe':
        return this.#unsubscribe(session, command);
      case 'subscribe_bars':
        return this.#bars.subscribe(session, command);
      case 'unsubscribe_bars':
        return this.#bars.unsubscribe(session, command);
      case 'subscribe_chain':
        return this.#chains.subscribe(session, command);
      case 'unsubscribe_chain':
        return this.#chains.unsubscribe(session, command);
      case 'subscribe_orders':
        return this.#context.orders.subscribe(session, command);
      case 'list': {
        const { index } = session;
        const [items, bars] = [book.lines.of(index), book.lines.barsOf(index)];
        const chains = book.lines.chainsOf(index);
        return sockets.tell(session, { kind: 'subscriptions', items, bars, chains, ...idOf(command) });
      }
      case 'restart':
        book.restart(session.index);
        return flusher.drain();
      case 'authenticate':
        return authenticate(session, command);
      case 'ping':
        return sockets.tell(session, { ...command, kind: 'pong' });
      case 'ignored':
        return;
      case 'refused':
        return sockets.tell(session, { ...command, kind: 'error' });
      default:
        return assertNever(command);
    }
  }

  async #subscribe(session: Session, command: Command<'subscribe'>): Promise<void> {
    const { book, sockets, calls, symbols, flusher, tellShards } = this.#context;
    const looked = await symbols.look(command.symbols.map(({ symbol }) => symbol));
    const named = command.symbols.flatMap(({ symbol, ...options }): SubscribeItem[] => {
      const token = looked.tokens.get(symbol);
      return token === undefined ? [] : [{ token, ...options }];
    });
    const asked = [...command.items, ...named];
    const items = this.#asTheyAre(session, asked);
    const plan = book.planSubscribe(session.index, items);
    const refusals = await calls.register(plan.contacts);
    const isGone = !sockets.get(session.socket);
    const accepted = isGone ? [] : plan.accepted.filter(({ token }) => !refusals.has(token));
    // What has changed goes to the present subscribers now; the new one gets it in its snapshot, once.
    flusher.flush(true);
    const pending = book.subscribe(session.index, accepted);
    tellShards(book.unclaim(plan.accepted));
    if (isGone) return;
    sockets.remember(session);
    const refused = [...refusals].map(([token, code]) => rejection('token', token, code));
    const symbolOf = new Map([...looked.tokens].map(([symbol, token]) => [token, symbol]));
    const given = new Set(command.items.map(({ token }) => token));
    const unplaced = asNamed([...plan.rejected, ...refused], given, symbolOf);
    const rejected = [...command.rejected, ...looked.rejected, ...unplaced];
    const tokens = accepted.map(({ token }) => token);
    const announced = book.announce(session.index, tokens);
    const missed = command.resume ? this.#missed(session, accepted, command.resume) : undefined;
    const terms = sharedTermsOf(accepted);
    const isEach = command.symbols.length > 0 || (accepted.length > 0 && !terms);
    const lines = isEach ? { items: this.#linesOf(session, tokens, symbolOf) } : {};
    // What is sent at a pace or through a filter has no missed ticks of its own: after a break it is the current value.
    const isWhole = ({ speed, filter }: SubscribeItem) => speed === 'rt' && !filter;
    const total = book.ownCountOf(session.index);
    const recovered = command.resume ? { recovered: missed !== undefined } : {};
    const rows = announced.length > 0 ? { rows: announced } : {};
    const extras = { ...(terms ? { terms } : {}), ...lines, ...rows, ...recovered, ...idOf(command) };
    sockets.tell(session, { kind: 'subscribed', tokens, pending, rejected, total, ...extras });
    if (missed) sockets.sendMissed(session, missed);
    book.holdSnapshot(session.index, missed ? accepted.filter((item) => !isWhole(item)) : accepted);
    // Rows of before are nothing that those of now could be changes of.
    if (command.resume) book.restart(session.index);
    flusher.drain();
  }

  /** The items, on their present terms those that are to keep them. */
  #asTheyAre(session: Session, items: readonly SubscribeItem[]): readonly SubscribeItem[] {
    const tokens = items.flatMap(({ token, keepsTerms }) => (keepsTerms ? [token] : []));
    if (tokens.length === 0) return items;
    const lines = new Map(
      this.#context.book.lines.of(session.index, tokens).map((line) => [line.token, line]),
    );
    return items.map((item) => {
      const line = lines.get(item.token);
      if (!line) return item;
      const { token, mode, speed, filter } = line;
      return { token, rank: rankOfMode(mode), speed, ...(filter ? { filter } : {}) };
    });
  }

  /** What nobody has asked for before has no definition here yet: it is called what the client called it. */
  #linesOf(
    session: Session,
    tokens: readonly InstrumentToken[],
    symbolOf: ReadonlyMap<InstrumentToken, string>,
  ): SubscriptionLine[] {
    return this.#context.book.lines.of(session.index, tokens).map((line) => {
      const symbol = line.symbol ?? symbolOf.get(line.token);
      return symbol === undefined ? line : { ...line, symbol };
    });
  }

  /** The frames that the client has missed since its position, if they are all known; never a part of them. */
  #missed(session: Session, items: readonly SubscribeItem[], resume: ResumePosition): Frame[] | undefined {
    const { book, departed } = this.#context;
    const userId = session.bearer?.userId ?? '';
    this.#takeOver(session, resume, userId);
    const before = departed.find(resume, userId);
    if (!before || !book.hasAll(before.session, items)) return undefined;
    const tokens = new Set<number>(items.map(({ token }) => token));
    return book.delivery.missedSince(resume.seq, before.session, session.index, tokens);
  }

  /**
   * A client that has changed its network is back before its old socket is known to be dead: that one is let go, so that
   * its position counts.
   */
  #takeOver(session: Session, { epoch }: ResumePosition, userId: string): void {
    const { sockets } = this.#context;
    const old = sockets.byConnection(epoch);
    if (old && old !== session && old.bearer?.userId === userId) sockets.sendAway(old);
  }

  async #unsubscribe(session: Session, command: Command<'unsubscribe'>): Promise<void> {
    const { book, flusher, sockets, symbols, tellShards } = this.#context;
    const looked = await symbols.look(command.symbols);
    if (!sockets.get(session.socket)) return;
    const tokens = [...new Set([...command.tokens, ...looked.tokens.values()])];
    tellShards(book.unsubscribe(session.index, tokens));
    sockets.remember(session);
    const total = book.ownCountOf(session.index);
    const rejected = [...command.rejected, ...looked.rejected];
    sockets.tell(session, { kind: 'unsubscribed', tokens, rejected, total, ...idOf(command) });
    flusher.drain();
  }
}

function idOf({ id }: ClientCommand) {
  return id === undefined ? {} : { id };
}
