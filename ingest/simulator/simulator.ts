// The Kite simulator as one object: a market, its REST API, its ticker socket and its control on one loopback port.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { performance } from 'node:perf_hooks';
import { assert } from '../../shared/errors.ts';
import { SIMULATOR_REQUEST_HEADER_BYTES_MAX } from '../../shared/limits.ts';
import type { TickMode } from '../../shared/tick.ts';
import { AccountSessions, accessTokenExpiryMs, type SimulatedAccount } from './account-sessions.ts';
import type { CommandInput } from './control/command.ts';
import { SimulatorControl, type SimulatorState } from './control/control.ts';
import { ControlRoutes, isControlPath } from './control/control-routes.ts';
import type { FaultInput } from './control/fault.ts';
import { FaultBook } from './control/fault-book.ts';
import { tradingDateAt } from './core/expiry-calendar.ts';
import { type ListedInstrument, type Listing, listInstruments } from './core/instrument-list.ts';
import { MARKET_STEP_MS, type Market } from './core/market.ts';
import type { MarketTuning } from './core/market-tuning.ts';
import { orderMarketOf } from './core/orders/market-quotes.ts';
import type { OrderTuning } from './core/orders/order-tuning.ts';
import { updateView } from './core/orders/order-view.ts';
import { readInstrumentFile } from './instrument-file.ts';
import { type OrderCounts, OrderDesk } from './order-desk.ts';
import { Postbacks } from './postbacks.ts';
import { RestServer } from './rest-server.ts';
import { SimulatorClock } from './simulator-clock.ts';
import type { ConnectionStatus } from './ticker-connection.ts';
import { TickerServer } from './ticker-server.ts';
import { Venue } from './venue.ts';

export interface SimulatorOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly host?: string;
  readonly seed?: number;
  /** `YYYY-MM-DD`, which then stays; absent, the session that is running or comes next, and the next one in its time. */
  readonly tradingDate?: string;
  readonly instrumentsCount?: number;
  /** A saved dump, plain or gzipped, in place of generated instruments. */
  readonly instrumentsFile?: string;
  readonly ticksPerInstrumentPerSecond?: number;
  readonly accounts?: readonly SimulatedAccount[];
  /** True: the tokens that accounts start with die at 06:00 IST, as those of a login do. */
  readonly isTokenDaily?: boolean;
  readonly tuning?: MarketTuning;
  readonly orderTuning?: OrderTuning;
  /** Where postbacks go, for every account; none are sent without it. */
  readonly postbackUrl?: string;
  /** The only addresses that may write orders. */
  readonly orderAddresses?: readonly string[];
  /** Wall clock: exchange timestamps, token life, trading dates and rate limits follow it. */
  readonly nowMs?: () => number;
  /** Where the wall clock stands at the start, if not where `nowMs` has it. */
  readonly startMs?: number;
}

export interface Simulator {
  /** Root of the REST API, without a slash at the end. */
  readonly url: string;
  /** Root of the ticker, with the slash that KiteTicker needs. */
  readonly wsUrl: string;
  readonly accounts: readonly SimulatedAccount[];
  /** These three are others after a change of the trading date. */
  readonly tradingDate: string;
  readonly instruments: readonly ListedInstrument[];
  readonly market: Market;
  readonly state: SimulatorState;
  /** Requests and orders of each user who had any. */
  readonly orderCounts: readonly OrderCounts[];
  nowMs(): number;
  connections(): readonly ConnectionStatus[];
  /** What each open socket is subscribed to: modes by token. */
  subscriptions(): readonly ReadonlyMap<number, TickMode>[];
  /** Lets a fault stand, and returns its id. Throws ZodError on one that cannot be. */
  addFault(fault: FaultInput): number;
  /** False when no such fault stands. */
  removeFault(id: number): boolean;
  clearFaults(): void;
  /** As `POST /_simulator/commands`. Throws ZodError on a command that cannot be, KiteError on an unknown account. */
  run(command: CommandInput): object;
  /** Closes the port and cuts every connection. */
  stop(): Promise<void>;
}

export const SIMULATOR_DEFAULTS = {
  host: '127.0.0.1',
  seed: 1,
  instrumentsCount: 500,
  ticksPerInstrumentPerSecond: 1.5,
  account: {
    apiKey: 'simulator_key',
    apiSecret: 'simulator_secret',
    accessToken: 'simulator_access_token',
    userId: 'SIM001',
  },
} as const;

/** Starts listening. Rejects with the listen error (EADDRINUSE), or an error on an option that cannot be. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const seed = options.seed ?? SIMULATOR_DEFAULTS.seed;
  const host = options.host ?? SIMULATOR_DEFAULTS.host;
  const clock = new SimulatorClock(options.nowMs ?? Date.now);
  if (options.startMs !== undefined) clock.jumpTo(options.startMs);
  const nowMs = () => clock.nowMs();
  const accounts = accountsOf(options, nowMs());
  const sessions = new AccountSessions(accounts, nowMs);
  const venue = await openVenue(options, seed, nowMs());
  const monotonicMs = () => performance.now();
  const faults = new FaultBook(seed, monotonicMs);
  const ticker = new TickerServer({ sessions, market: venue.market, faults, monotonicMs });
  const postbacks =
    options.postbackUrl === undefined ? undefined : new Postbacks(options.postbackUrl, accounts);
  const orders = new OrderDesk({
    market: orderMarketOf(() => venue.market),
    faults,
    seed,
    nowMs,
    tuning: options.orderTuning,
    addresses: options.orderAddresses,
    tell: (userId, update) => {
      ticker.broadcastOrder(userId, updateView(update, userId));
      postbacks?.send(update);
    },
  });
  const rest = new RestServer({ sessions, venue, orders, faults, seed, nowMs });
  const control = new SimulatorControl({ accounts, sessions, clock, venue, ticker, faults, seed });
  const routes = new ControlRoutes({ control, orders, faults, onFaults: () => ticker.applyFaults() });
  const server = createServer({ maxHeaderSize: SIMULATOR_REQUEST_HEADER_BYTES_MAX }, (request, response) => {
    if (isControlPath(request.url)) void routes.handle(request, response);
    else void rest.handle(request, response);
  });
  server.on('upgrade', (request, socket, head) => ticker.upgrade(request, socket, head));
  const port = await listen(server, options.port ?? 0, host);
  const timer = setInterval(() => {
    control.followClock();
    ticker.step(nowMs());
    orders.step();
  }, MARKET_STEP_MS);
  return {
    url: `http://${host}:${port}`,
    wsUrl: `ws://${host}:${port}/`,
    accounts,
    get tradingDate() {
      return venue.listing.tradingDate;
    },
    get instruments() {
      return venue.listing.instruments;
    },
    get market() {
      return venue.market;
    },
    get state() {
      return control.state;
    },
    get orderCounts() {
      return orders.counts;
    },
    nowMs,
    connections: () => ticker.connections,
    subscriptions: () => ticker.subscriptions,
    ...faultMethods(faults, ticker),
    run: (command) => control.run(command),
    stop: async () => {
      clearInterval(timer);
      postbacks?.stop();
      ticker.stop();
      await close(server);
    },
  };
}

function faultMethods(
  faults: FaultBook,
  ticker: TickerServer,
): Pick<Simulator, 'addFault' | 'removeFault' | 'clearFaults'> {
  return {
    addFault: (fault) => {
      const id = faults.add(fault);
      ticker.applyFaults();
      return id;
    },
    removeFault: (id) => {
      const isRemoved = faults.remove(id);
      ticker.applyFaults();
      return isRemoved;
    },
    clearFaults: () => {
      faults.clear();
      ticker.applyFaults();
    },
  };
}

function accountsOf(
  { accounts, isTokenDaily }: SimulatorOptions,
  nowMs: number,
): readonly SimulatedAccount[] {
  const given = accounts ?? [SIMULATOR_DEFAULTS.account];
  if (isTokenDaily !== true) return given;
  const accessTokenExpiresAtMs = accessTokenExpiryMs(nowMs);
  return given.map((account) => ({ accessTokenExpiresAtMs, ...account }));
}

async function openVenue(options: SimulatorOptions, seed: number, nowMs: number): Promise<Venue> {
  const tradingDate = options.tradingDate ?? tradingDateAt(nowMs);
  const { instrumentsFile, tuning, ticksPerInstrumentPerSecond: rate } = options;
  const listing: Listing =
    instrumentsFile === undefined
      ? listInstruments({
          tradingDate,
          instrumentsCount: options.instrumentsCount ?? SIMULATOR_DEFAULTS.instrumentsCount,
        })
      : await readInstrumentFile(instrumentsFile, tradingDate);
  const venueOptions = {
    listing,
    seed,
    ticksPerInstrumentPerSecond: rate ?? SIMULATOR_DEFAULTS.ticksPerInstrumentPerSecond,
    isDateFixed: options.tradingDate !== undefined,
    ...(tuning === undefined ? {} : { tuning }),
  };
  return new Venue(venueOptions, nowMs);
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  assert(address !== null && typeof address === 'object', 'a TCP server has a port');
  return address.port;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
