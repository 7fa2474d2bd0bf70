// Carries out what the simulator is told at run time, and tells how it is.
import { assertNever } from '../../../shared/errors.ts';
import type { TickMode } from '../../../shared/tick.ts';
import type { AccountSessions, SimulatedAccount } from '../account-sessions.ts';
import { istStamp } from '../core/expiry-calendar.ts';
import { inputError } from '../kite-error.ts';
import type { SimulatorClock } from '../simulator-clock.ts';
import type { TickerServer } from '../ticker-server.ts';
import type { Venue } from '../venue.ts';
import { Command, type CommandInput } from './command.ts';
import type { FaultBook, StandingFault } from './fault-book.ts';

export interface ControlParts {
  readonly accounts: readonly SimulatedAccount[];
  readonly sessions: AccountSessions;
  readonly clock: SimulatorClock;
  readonly venue: Venue;
  readonly ticker: TickerServer;
  readonly faults: FaultBook;
  readonly seed: number;
}

/** The credentials are of nobody: a developer needs them to log in. */
export interface AccountState {
  readonly api_key: string;
  readonly api_secret: string;
  readonly user_id: string;
  /** Null when nobody is logged in. */
  readonly access_token: string | null;
  /** IST; null for a token that does not die by itself. */
  readonly expires_at: string | null;
  readonly redirect_url: string | null;
  readonly sockets: number;
}

export interface SocketState {
  readonly id: number;
  readonly api_key: string;
  readonly user_id: string;
  readonly subscriptions: Readonly<Record<TickMode, number>>;
  readonly packets_sent: number;
  readonly frames_sent: number;
  readonly frames_dropped: number;
}

export interface SimulatorState {
  readonly seed: number;
  /** IST, and how far it was moved from this machine's. */
  readonly clock: { readonly now: string; readonly ahead_ms: number };
  readonly trading_date: string;
  readonly instruments: number;
  readonly accounts: readonly AccountState[];
  readonly sockets: readonly SocketState[];
  readonly faults: readonly StandingFault[];
}

export class SimulatorControl {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  get state(): SimulatorState {
    const { accounts, clock, venue, ticker, faults, seed } = this.#parts;
    return {
      seed,
      clock: { now: istStamp(clock.nowMs()), ahead_ms: clock.aheadMs },
      trading_date: venue.listing.tradingDate,
      instruments: venue.listing.instruments.length,
      accounts: accounts.map((account) => this.#accountState(account)),
      sockets: ticker.connections.map((connection) => ({
        id: connection.id,
        api_key: connection.apiKey,
        user_id: connection.userId,
        subscriptions: connection.subscriptions,
        packets_sent: connection.packetsSent,
        frames_sent: connection.framesSent,
        frames_dropped: connection.framesDropped,
      })),
      faults: faults.list(),
    };
  }

  /** Returns what came of it. Throws ZodError on a command that cannot be, KiteError 400 on an account that is none. */
  run(input: CommandInput): object {
    const command = Command.parse(input);
    const { ticker, clock, sessions } = this.#parts;
    switch (command.command) {
      case 'close_sockets':
        return { sockets: ticker.close(command, command.code, command.reason) };
      case 'send_text':
        return { sockets: ticker.sendText(command, command.text) };
      case 'send_orders':
        return this.#sendOrders(command.account, command.orders, command.copies);
      case 'expire_token': {
        const expired = command.account === undefined ? this.#parts.accounts : this.#named(command.account);
        for (const { apiKey } of expired) sessions.expire(apiKey);
        return { accounts: expired.length };
      }
      case 'log_in':
        return this.#logIn(command.account);
      case 'set_redirect_url':
        for (const { apiKey } of this.#named(command.account)) sessions.setRedirectUrl(apiKey, command.url);
        return { redirect_url: command.url };
      case 'set_clock':
        return this.#jumpTo(Date.parse(command.to));
      case 'advance_clock':
        return this.#jumpTo(clock.nowMs() + command.by_ms);
      case 'move_spot':
        return this.#moveSpot(command.symbol, command.by_percent);
      case 'open_date':
        return this.#open(command.trading_date);
      default:
        return assertNever(command);
    }
  }

  /** Opens the day whose dump is due by the clock. */
  followClock(): void {
    const { venue, clock, ticker } = this.#parts;
    if (venue.follow(clock.nowMs())) ticker.enter(venue.market);
  }

  /** Accounts of this api_key or user id. Throws KiteError 400 when there is none. */
  #named(name: string): readonly SimulatedAccount[] {
    const named = this.#parts.accounts.filter(({ apiKey, userId }) => name === apiKey || name === userId);
    if (named.length === 0) throw inputError(`account: there is no '${name}'`);
    return named;
  }

  #accountState(account: SimulatedAccount): AccountState {
    const { sessions, ticker } = this.#parts;
    const session = sessions.sessionOf(account.apiKey);
    const expiresAtMs = session?.expiresAtMs ?? Number.POSITIVE_INFINITY;
    return {
      api_key: account.apiKey,
      api_secret: account.apiSecret,
      user_id: account.userId,
      access_token: session?.accessToken ?? null,
      expires_at: Number.isFinite(expiresAtMs) ? istStamp(expiresAtMs) : null,
      redirect_url: sessions.redirectUrlOf(account.apiKey) ?? null,
      sockets: ticker.connections.filter(({ apiKey }) => apiKey === account.apiKey).length,
    };
  }

  #sendOrders(name: string, orders: readonly object[], copies: number): object {
    for (const userId of new Set(this.#named(name).map((account) => account.userId)))
      for (const order of orders)
        for (let copy = 0; copy < copies; copy++) this.#parts.ticker.broadcastOrder(userId, order);
    return { orders: orders.length * copies };
  }

  #logIn(name: string): object {
    const [account] = this.#named(name) as [SimulatedAccount];
    const { accessToken, expiresAtMs } = this.#parts.sessions.open(account);
    return { access_token: accessToken, expires_at: istStamp(expiresAtMs) };
  }

  #jumpTo(timeMs: number): object {
    const { clock, venue, sessions, accounts } = this.#parts;
    clock.jumpTo(timeMs);
    // What is over by then is over also when the clock goes back.
    for (const { apiKey } of accounts) sessions.sessionOf(apiKey);
    this.followClock();
    return { now: istStamp(timeMs), trading_date: venue.listing.tradingDate };
  }

  #moveSpot(symbol: string, percent: number): object {
    const { market } = this.#parts.venue;
    const slot = market.slotOfSymbol(symbol);
    if (slot < 0) throw inputError(`symbol: there is no '${symbol}'`);
    return { price: Math.round(market.moveSpot(slot, percent / 100)) / 100 };
  }

  #open(tradingDate: string): object {
    const { venue, clock, ticker } = this.#parts;
    venue.open(tradingDate, clock.nowMs());
    ticker.enter(venue.market);
    return { trading_date: tradingDate };
  }
}
