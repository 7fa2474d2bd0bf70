// The pool with the pipeline behind it against the simulator: lines are cut, frozen and refused, and everything streams again.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../ingest/clock.ts';
import { Batcher } from '../../../ingest/core/batcher.ts';
import { Pipeline } from '../../../ingest/core/pipeline.ts';
import type { DesiredInstrument } from '../../../ingest/core/placement.ts';
import type { KiteAccount } from '../../../ingest/kite/account.ts';
import { KitePool } from '../../../ingest/kite/pool.ts';
import { type Simulator, startSimulator } from '../../../ingest/simulator/simulator.ts';
import { KITE_CONNECTIONS_PER_ACCOUNT_MAX } from '../../../shared/limits.ts';
import { AT, RECORD_KIND } from '../../../shared/tick.ts';
import { accountOf } from '../support/accounts.ts';
import { bookOfTokens } from '../support/books.ts';
import { eventually } from '../support/eventually.ts';
import { KiteProxy } from '../support/kite-proxy.ts';
import { recordingLog } from '../support/recording-log.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const SEED = Number(process.env.FAILOVER_SEED ?? 1 + (Date.now() % 1_000_000));
const INSTRUMENTS = 400;
const PINNED = 100;
const ACCOUNT_IDS = ['a', 'b', 'c'] as const;
type AccountId = (typeof ACCOUNT_IDS)[number];
/** 540 in all: with one account less there is no room for 40 of them. */
const INSTRUMENTS_PER_SOCKET = 60;
const ACCOUNT_CAPACITY = INSTRUMENTS_PER_SOCKET * KITE_CONNECTIONS_PER_ACCOUNT_MAX;

/** Keeps what clients would see of each instrument, and what must never happen. */
class WatchingBatcher extends Batcher {
  readonly tickedAtMs = new Map<number, number>();
  readonly faults: string[] = [];
  readonly #last = new Map<number, Uint32Array>();

  override offer(slot: number, words: Uint32Array, receivedAtMs: number): void {
    const token = words[0] as number;
    const last = this.#last.get(token);
    const at = (record: Uint32Array, field: keyof typeof AT) => record[AT[field] / 4] as number;
    const isFull = (record: Uint32Array) =>
      at(record, 'kind') === RECORD_KIND.full || at(record, 'kind') === RECORD_KIND.indexFull;
    if (last && isFull(last)) {
      if (!isFull(words)) {
        // Only for a newer price; the depth follows with the next packet.
        if (at(words, 'volume') <= at(last, 'volume')) this.faults.push(`${token} lost its depth`);
      } else if (at(words, 'exchangeTimestamp') < at(last, 'exchangeTimestamp')) {
        this.faults.push(`${token} ran back in time`);
      }
    }
    if (last && at(words, 'volume') < at(last, 'volume')) this.faults.push(`volume of ${token} ran back`);
    this.#last.set(token, words.slice());
    this.tickedAtMs.set(token, performance.now());
    super.offer(slot, words, receivedAtMs);
  }
}

let simulator: Simulator;
let proxy: KiteProxy;
let pool: KitePool;
let batcher: WatchingBatcher;
let desired: DesiredInstrument[];

beforeEach(async () => {
  simulator = await startSimulator({
    instrumentsCount: INSTRUMENTS,
    ticksPerInstrumentPerSecond: 4,
    accounts: ACCOUNT_IDS.map((id) => ({
      apiKey: `key-${id}`,
      apiSecret: `secret-${id}`,
      userId: `USER${id}`,
      accessToken: `token-${id}`,
    })),
  });
  proxy = await KiteProxy.start(simulator.wsUrl);
  const tokens = simulator.instruments.map(({ instrument_token }) => instrument_token);
  batcher = new WatchingBatcher(1, bookOfTokens(tokens));
  const pipeline = new Pipeline(batcher);
  pool = new KitePool({
    wsRoot: proxy.url,
    wsParameters: '',
    clock: systemClock,
    random: Math.random,
    log: recordingLog().log,
    onFrame: (bytes, receivedAtMs) => pipeline.step(bytes, receivedAtMs),
    onFrameTooBig: () => undefined,
  });
  desired = tokens.map((token, i) => ({ token, mode: 'full', priority: i < PINNED ? 'pinned' : 'demand' }));
  batcher.want(desired);
  pool.setDesired(desired);
});

afterEach(async () => {
  pool.stop();
  await proxy.stop();
  await simulator.stop();
});

const account = (id: AccountId, parts: Partial<KiteAccount> = {}) =>
  accountOf(id, { instrumentsMax: INSTRUMENTS_PER_SOCKET, ...parts });
const setAccounts = (parts: Partial<Record<AccountId, Partial<KiteAccount>>> = {}) =>
  pool.setAccounts(ACCOUNT_IDS.map((id) => account(id, parts[id])));

/**
 * Everything that there is room for on `accountsUp` accounts has ticked since now, pinned instruments among it; what has
 * no room is reported, and is all that does not tick. Kite has each instrument once.
 */
async function allStream(accountsUp: number): Promise<void> {
  const sinceMs = performance.now();
  const missing = Math.max(0, INSTRUMENTS - accountsUp * ACCOUNT_CAPACITY);
  await eventually(() => {
    expect(pool.notPlaced).toHaveLength(missing);
    const notPlaced = new Set<number>(pool.notPlaced);
    const silent = desired.filter(
      ({ token }) => !notPlaced.has(token) && (batcher.tickedAtMs.get(token) ?? 0) <= sinceMs,
    );
    expect(silent).toEqual([]);
    const subscribed = simulator
      .connections()
      .reduce((sum, { subscriptions }) => sum + subscriptions.full, 0);
    expect(subscribed).toBe(INSTRUMENTS - missing);
  });
  const notPlaced = new Set<number>(pool.notPlaced);
  expect(desired.slice(0, PINNED).filter(({ token }) => notPlaced.has(token))).toEqual([]);
  expect(batcher.faults).toEqual([]);
}

test(`lost, frozen, refused and disabled: each time all that has room streams again, FAILOVER_SEED=${SEED}`, {
  timeout: 120_000,
}, async () => {
  const random = new SeededRandom(SEED);
  setAccounts();
  await allStream(3);
  const faults: Record<string, (id: AccountId) => Promise<void>> = {
    'a socket is cut': async (id) => {
      proxy.cut(`key-${id}`, random.below(proxy.count(`key-${id}`)));
      await allStream(3);
    },
    'all sockets of an account are cut': async (id) => {
      proxy.cut(`key-${id}`);
      await allStream(3);
    },
    'a socket is frozen': async (id) => {
      proxy.freeze(`key-${id}`, random.below(proxy.count(`key-${id}`)));
      await allStream(3);
    },
    'an account is gone, and comes back': async (id) => {
      proxy.refusals.set(`key-${id}`, 503);
      proxy.cut(`key-${id}`);
      await allStream(2);
      proxy.refusals.delete(`key-${id}`);
      await allStream(3);
    },
    'a token dies, and there is a new one': async (id) => {
      setAccounts({ [id]: { accessToken: 'dead' } });
      proxy.cut(`key-${id}`);
      await allStream(2);
      setAccounts();
      await allStream(3);
    },
    'an account is disabled, and enabled': async (id) => {
      setAccounts({ [id]: { isEnabled: false } });
      await allStream(2);
      expect(proxy.count(`key-${id}`)).toBe(0);
      setAccounts();
      await allStream(3);
    },
  };
  const left = Object.keys(faults);
  while (left.length > 0) {
    const [name] = left.splice(random.below(left.length), 1) as [string];
    const id = random.pick(ACCOUNT_IDS);
    await faults[name]?.(id).catch((error) => {
      throw new Error(`FAILOVER_SEED=${SEED}, account ${id}, ${name}: ${error}`, { cause: error });
    });
  }
});

test('a throttled account costs the others nothing', { timeout: 60_000 }, async () => {
  setAccounts();
  await allStream(3);
  const reconnects = () =>
    pool
      .status()
      .slice(1)
      .map(({ sockets }) => sockets.map((socket) => socket.reconnects));
  const before = reconnects();
  proxy.refusals.set('key-a', 429);
  proxy.cut('key-a');
  await allStream(2);
  expect(pool.status()[0]).toMatchObject({ state: 'throttled', instruments: 0, room: 0 });
  expect(reconnects()).toEqual(before);
});
