// Planning 27,000 instruments over three Kite accounts, and how soon the instruments of a lost socket stream again.
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../ingest/clock.ts';
import { Batcher } from '../../ingest/core/batcher.ts';
import { Pipeline } from '../../ingest/core/pipeline.ts';
import {
  type Availability,
  type DesiredInstrument,
  type PlannedSocket,
  planPlacement,
} from '../../ingest/core/placement.ts';
import { KitePool } from '../../ingest/kite/pool.ts';
import { startSimulator } from '../../ingest/simulator/simulator.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';
import {
  KITE_CONNECTIONS_PER_ACCOUNT_MAX,
  KITE_INSTRUMENTS_PER_CONNECTION_MAX,
} from '../../shared/limits.ts';
import { accountOf } from '../ingest/support/accounts.ts';
import { bookOfTokens } from '../ingest/support/books.ts';
import { KiteProxy } from '../ingest/support/kite-proxy.ts';
import { recordingLog } from '../ingest/support/recording-log.ts';
import type { Bench, Figure } from './bench.ts';
import { percentile } from './bench.ts';

const ACCOUNTS = ['a', 'b', 'c'];
const INSTRUMENTS = 27_000;
/** With one account less there is room for all of these. */
const INSTRUMENTS_WITH_ROOM = 18_000;
const PINNED_SHARE = 0.1;
const ROUNDS = 40;
const FIRST_EXCHANGE_TOKEN = 40_000;
/** One third of what the accounts carry: the simulator shares the machine. */
const LIVE_INSTRUMENTS = 9_000;
const TICKED_MS_MAX = 30_000;
const POLL_MS = 5;

function desiredOf(count: number): DesiredInstrument[] {
  return Array.from({ length: count }, (_, i) => ({
    token: (((FIRST_EXCHANGE_TOKEN + i) << 8) | 2) as InstrumentToken,
    mode: 'full',
    priority: i < count * PINNED_SHARE ? 'pinned' : 'demand',
  }));
}

function emptySockets(): PlannedSocket[] {
  return ACCOUNTS.flatMap((accountId) =>
    Array.from({ length: KITE_CONNECTIONS_PER_ACCOUNT_MAX }, (_, index) => ({
      id: `${accountId}/${index}`,
      accountId,
      instrumentsMax: KITE_INSTRUMENTS_PER_CONNECTION_MAX,
      availability: 'ready' as const,
      subscriptions: new Map(),
    })),
  );
}

/** The sockets once the plan for what is desired has been carried out. */
function settledSockets(desired: readonly DesiredInstrument[]): PlannedSocket[] {
  const sockets = emptySockets();
  const { moves } = planPlacement(desired, sockets);
  return sockets.map((socket) => ({ ...socket, subscriptions: new Map(moves.get(socket.id)?.subscribe) }));
}

function without(
  sockets: readonly PlannedSocket[],
  isLost: (socket: PlannedSocket) => boolean,
): PlannedSocket[] {
  const availabilityOf = (socket: PlannedSocket): Availability => (isLost(socket) ? 'away' : 'ready');
  return sockets.map((socket) => ({ ...socket, availability: availabilityOf(socket) }));
}

/** Times of the rounds in ms, in their order. */
function timePlans(desired: readonly DesiredInstrument[], sockets: readonly PlannedSocket[]): number[] {
  return Array.from({ length: ROUNDS }, () => {
    const fromMs = performance.now();
    planPlacement(desired, sockets);
    return performance.now() - fromMs;
  });
}

function planFigures(): Record<string, Figure> {
  const desired = desiredOf(INSTRUMENTS);
  const roomy = desiredOf(INSTRUMENTS_WITH_ROOM);
  const sockets = settledSockets(desired);
  const isOfA = ({ accountId }: PlannedSocket) => accountId === ACCOUNTS[0];
  const cold = timePlans(desired, emptySockets());
  const times = {
    cold,
    no_op: timePlans(desired, sockets),
    socket_lost: timePlans(
      desired,
      without(sockets, ({ id }) => id === sockets[0]?.id),
    ),
    account_lost: timePlans(desired, without(sockets, isOfA)),
    account_lost_with_room: timePlans(roomy, without(settledSockets(roomy), isOfA)),
  };
  const medians = Object.entries(times).map(([name, rounds]) => {
    const sorted = Float64Array.from(rounds).sort();
    return [name, { value: percentile(sorted, 0.5), unit: 'ms' }] as const;
  });
  // Before anything was compiled, as it is when the sidecar starts.
  const first = { value: cold[0] ?? Number.NaN, unit: 'ms' };
  return { ...Object.fromEntries(medians), cold_first: first };
}

/** When each instrument ticked first, of the sockets that are watched. */
class FirstTicks extends Batcher {
  readonly atMs = new Map<number, number>();
  isWatching = true;

  override offer(slot: number, words: Uint32Array, receivedAtMs: number): void {
    const token = words[0] as number;
    if (this.isWatching && !this.atMs.has(token)) this.atMs.set(token, performance.now());
    super.offer(slot, words, receivedAtMs);
  }
}

class LivePool {
  readonly #pool: KitePool;
  readonly #ticks: FirstTicks;
  readonly #proxy: KiteProxy;
  /** Ids of the sockets that are lost: what they have left to say does not count. */
  #lost: ReadonlySet<string> = new Set();

  constructor(proxy: KiteProxy, tokens: readonly InstrumentToken[]) {
    this.#proxy = proxy;
    this.#ticks = new FirstTicks(1, bookOfTokens(tokens));
    const pipeline = new Pipeline(this.#ticks);
    this.#pool = new KitePool({
      wsRoot: proxy.url,
      wsParameters: '',
      clock: systemClock,
      random: Math.random,
      log: recordingLog().log,
      onFrame: (bytes, receivedAtMs, connectionId) => {
        this.#ticks.isWatching = !this.#lost.has(connectionId);
        pipeline.step(bytes, receivedAtMs);
      },
      onFrameTooBig: () => undefined,
    });
    const desired = tokens.map((token): DesiredInstrument => ({ token, mode: 'full', priority: 'demand' }));
    this.#ticks.want(desired);
    this.#pool.setDesired(desired);
    this.#pool.setAccounts(ACCOUNTS.map((id) => accountOf(id)));
  }

  /** Waits until all of them have ticked on a socket that is not lost. Returns when the last did. */
  async allTicked(tokens: readonly number[]): Promise<number> {
    for (let waitedMs = 0; waitedMs < TICKED_MS_MAX; waitedMs += POLL_MS) {
      await sleep(POLL_MS);
      if (tokens.every((token) => this.#ticks.atMs.has(token))) {
        return Math.max(...tokens.map((token) => this.#ticks.atMs.get(token) as number));
      }
    }
    throw new Error(`some of ${tokens.length} instruments have not ticked within ${TICKED_MS_MAX} ms`);
  }

  /** Cuts an account's socket, or all of them, for good. Milliseconds until all of their instruments tick elsewhere. */
  async lose(accountId: string, index?: number): Promise<number> {
    const ids = this.#pool.connections
      .map(({ id }) => id)
      .filter((id) =>
        index === undefined ? id.startsWith(`${accountId}/`) : id === `${accountId}/${index}`,
      );
    this.#lost = new Set([...this.#lost, ...ids]);
    const tokens = this.#pool.connections
      .filter(({ id }) => ids.includes(id))
      .flatMap(({ subscriptions }) => [...subscriptions.keys()]);
    const fromMs = performance.now();
    this.#ticks.atMs.clear();
    // The slowest way: a handshake without an answer. Who is refused is not waited for.
    this.#proxy.refusals.set(`key-${accountId}`, 'never');
    this.#proxy.cut(`key-${accountId}`, index);
    return (await this.allTicked(tokens)) - fromMs;
  }

  stop(): void {
    this.#pool.stop();
  }
}

async function failoverFigures(): Promise<Record<string, Figure>> {
  const simulator = await startSimulator({
    instrumentsCount: LIVE_INSTRUMENTS,
    accounts: ACCOUNTS.map((id) => ({
      apiKey: `key-${id}`,
      apiSecret: `secret-${id}`,
      userId: id,
      accessToken: `token-${id}`,
    })),
  });
  const proxy = await KiteProxy.start(simulator.wsUrl);
  const tokens = simulator.instruments.map(({ instrument_token }) => instrument_token);
  const live = new LivePool(proxy, tokens);
  try {
    await live.allTicked(tokens);
    const socket = await live.lose('a', 0);
    const account = await live.lose('b');
    return {
      failover_socket: { value: socket, unit: 'ms' },
      failover_account: { value: account, unit: 'ms' },
    };
  } finally {
    live.stop();
    await proxy.stop();
    await simulator.stop();
  }
}

export const bench: Bench = {
  about:
    'plans for 27,000 instruments over 3 accounts (medians); a socket and an account lost, until all of it ticks elsewhere',
  async run() {
    return { ...planFigures(), ...(await failoverFigures()) };
  },
};
