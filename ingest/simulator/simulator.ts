// The Kite simulator as one object: a market, its REST API and its ticker socket on one loopback port.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { performance } from 'node:perf_hooks';
import { assert } from '../../shared/errors.ts';
import { SIMULATOR_REQUEST_HEADER_BYTES_MAX } from '../../shared/limits.ts';
import { AccountSessions, type SimulatedAccount } from './account-sessions.ts';
import { tradingDateAt } from './core/expiry-calendar.ts';
import { type ListedInstrument, listInstruments } from './core/instrument-list.ts';
import { MARKET_STEP_MS, Market } from './core/market.ts';
import type { MarketTuning } from './core/market-tuning.ts';
import { InstrumentDump } from './instrument-dump.ts';
import { RestServer } from './rest-server.ts';
import type { ConnectionStatus } from './ticker-connection.ts';
import { type TickerFaults, TickerServer } from './ticker-server.ts';

export interface SimulatorOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly host?: string;
  readonly seed?: number;
  /** `YYYY-MM-DD`; the session that is running or comes next, if absent. */
  readonly tradingDate?: string;
  readonly instrumentsCount?: number;
  readonly ticksPerInstrumentPerSecond?: number;
  readonly accounts?: readonly SimulatedAccount[];
  readonly tuning?: MarketTuning;
  /** Wall clock: exchange timestamps, token life and rate limits follow it. */
  readonly nowMs?: () => number;
}

export interface SimulatorFaults extends TickerFaults {
  /** Cuts every ticker connection without a close frame. */
  dropConnections(): void;
}

export interface Simulator {
  /** Root of the REST API, without a slash at the end. */
  readonly url: string;
  /** Root of the ticker, with the slash that KiteTicker needs. */
  readonly wsUrl: string;
  readonly tradingDate: string;
  readonly accounts: readonly SimulatedAccount[];
  readonly instruments: readonly ListedInstrument[];
  readonly market: Market;
  readonly faults: SimulatorFaults;
  connections(): readonly ConnectionStatus[];
  /** Sends an order update to every socket of the user. */
  broadcastOrder(userId: string, order: object): void;
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

/** Starts listening. Rejects with the listen error (EADDRINUSE), or RangeError on an option that cannot be. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const nowMs = options.nowMs ?? Date.now;
  const seed = options.seed ?? SIMULATOR_DEFAULTS.seed;
  const host = options.host ?? SIMULATOR_DEFAULTS.host;
  const accounts = options.accounts ?? [SIMULATOR_DEFAULTS.account];
  const tradingDate = options.tradingDate ?? tradingDateAt(nowMs());
  const listing = listInstruments({
    tradingDate,
    instrumentsCount: options.instrumentsCount ?? SIMULATOR_DEFAULTS.instrumentsCount,
  });
  const market = new Market({
    listing,
    seed,
    startMs: nowMs(),
    ticksPerInstrumentPerSecond:
      options.ticksPerInstrumentPerSecond ?? SIMULATOR_DEFAULTS.ticksPerInstrumentPerSecond,
    ...(options.tuning === undefined ? {} : { tuning: options.tuning }),
  });
  const sessions = new AccountSessions(accounts, nowMs);
  const ticker = new TickerServer(sessions, market, () => performance.now());
  const rest = new RestServer({
    sessions,
    market,
    dump: new InstrumentDump(listing.instruments),
    seed,
    nowMs,
  });
  const server = createServer({ maxHeaderSize: SIMULATOR_REQUEST_HEADER_BYTES_MAX }, (request, response) => {
    void rest.handle(request, response);
  });
  server.on('upgrade', (request, socket, head) => ticker.upgrade(request, socket, head));
  const port = await listen(server, options.port ?? 0, host);
  const timer = setInterval(() => ticker.step(nowMs()), MARKET_STEP_MS);
  return {
    url: `http://${host}:${port}`,
    wsUrl: `ws://${host}:${port}/`,
    tradingDate,
    accounts,
    instruments: listing.instruments,
    market,
    faults: faultsOf(ticker),
    connections: () => ticker.connections,
    broadcastOrder: (userId, order) => ticker.broadcastOrder(userId, order),
    stop: async () => {
      clearInterval(timer);
      ticker.dropConnections();
      await close(server);
    },
  };
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

function faultsOf(ticker: TickerServer): SimulatorFaults {
  const { faults } = ticker;
  return {
    get stall() {
      return faults.stall;
    },
    set stall(stall: boolean) {
      faults.stall = stall;
    },
    get refuseUpgradesWith() {
      return faults.refuseUpgradesWith;
    },
    set refuseUpgradesWith(status: number | undefined) {
      faults.refuseUpgradesWith = status;
    },
    dropConnections: () => ticker.dropConnections(),
  };
}
