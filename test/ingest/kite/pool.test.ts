import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Priority } from '../../../ingest/core/placement.ts';
import type { KiteAccount } from '../../../ingest/kite/account.ts';
import { KitePool } from '../../../ingest/kite/pool.ts';
import {
  KITE_ACCOUNTS_MAX,
  KITE_FAILOVER_GRACE_MS,
  KITE_OPENING_STAGGER_MS,
  KITE_STABLE_MS,
  KITE_THROTTLED_BACKOFF_MS_MIN,
} from '../../../shared/limits.ts';
import { accountOf, withoutToken } from '../support/accounts.ts';
import { eventually } from '../support/eventually.ts';
import { FakeKite } from '../support/fake-kite.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

let kite: FakeKite;
let clock: ManualClock;
let pool: KitePool;
/** Ids of the sockets that frames came by. */
let frames: string[];
let lines: readonly string[];

beforeEach(async () => {
  kite = await FakeKite.start();
  clock = new ManualClock();
  frames = [];
  const recording = recordingLog();
  lines = recording.lines;
  pool = new KitePool({
    wsRoot: kite.url,
    wsParameters: '',
    clock,
    random: () => 0.5,
    log: recording.log,
    onFrame: (_bytes, _receivedAtMs, connectionId) => frames.push(connectionId),
    onFrameTooBig: () => undefined,
  });
});

afterEach(async () => {
  pool.stop();
  clock.advance(0);
  expect(clock.delaysMs).toEqual([]);
  await kite.stop();
});

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const wishes = (tokens: readonly number[], priority: Priority = 'demand') =>
  tokens.map((token) => ({ token: token as never, mode: 'full' as const, priority }));
const desire = (...tokens: number[]) => pool.setDesired(wishes(tokens));
const small = (id: string, parts: Partial<KiteAccount> = {}) =>
  accountOf(id, { connectionsMax: 2, instrumentsMax: 2, ...parts });
const stateOf = (id: string) => pool.status().find((account) => account.id === id)?.state;

/** What each socket carries, by its id. */
const carried = () =>
  Object.fromEntries(pool.connections.map(({ id, subscriptions }) => [id, [...subscriptions.keys()]]));

/** Waits until `count` sockets are open; plans that were due are made. */
async function open(count: number): Promise<void> {
  await eventually(() => {
    clock.advance(0);
    expect(pool.connections.filter(({ state }) => state.kind === 'open')).toHaveLength(count);
    expect(kite.openCount).toBe(count);
  });
}

/** Cuts sockets that have not been cut before, and waits until that is known here. */
async function cut(...ids: string[]): Promise<void> {
  const sockets = ids.map((id) => {
    const [accountId, number] = id.split('/');
    return kite.openSockets(`key-${accountId}`)[Number(number)];
  });
  for (const each of sockets) each?.socket.terminate();
  const lost = pool.connections.filter(({ id }) => ids.includes(id));
  await eventually(() => expect(lost.map(({ state }) => state.kind)).not.toContain('open'));
  clock.advance(0);
}

/** Lets time pass with a heartbeat on every open socket each second, and every answer heard before time goes on. */
async function pass(ms: number): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= 1_000) {
    for (const { socket } of kite.openSockets()) socket.send(Uint8Array.of(0));
    await eventually(() => {
      clock.advance(0);
      for (const { state, lastFrameAgeMs } of pool.connections) {
        expect(state.kind).not.toBe('connecting');
        if (state.kind === 'open') expect(lastFrameAgeMs).toBe(0);
      }
    });
    clock.advance(Math.min(leftMs, 1_000));
  }
}

/** What was said on the open sockets of an account since they opened. */
const commandsOf = (id: string) =>
  kite.openSockets(`key-${id}`).map(({ commands }) => [...commands] as { a: string; v: unknown }[]);

describe('sockets', () => {
  test('never more than three sockets and 3,000 instruments each, whatever the account says', () => {
    pool.setAccounts([accountOf('a', { connectionsMax: 5, instrumentsMax: 5_000 })]);
    expect(pool.status()).toMatchObject([{ capacity: 9_000, instruments: 0, room: 9_000 }]);
    expect(pool.connections).toHaveLength(3);
    pool.setDesired(wishes(range(1, 9_001)));
    expect(pool.connections.map(({ subscriptions }) => subscriptions.size)).toEqual([3_000, 3_000, 3_000]);
    expect(pool.notPlaced).toEqual([9_001]);
  });

  test('each account starts with one socket, and opens the others when there is something for them', async () => {
    pool.setAccounts([small('a'), small('b')]);
    await open(2);
    expect(pool.status().map(({ sockets }) => sockets.map(({ state }) => state))).toEqual([
      ['open', 'idle'],
      ['open', 'idle'],
    ]);
    desire(...range(1, 6));
    await open(4);
    expect(carried()).toEqual({ 'a/0': [1, 5], 'b/0': [2, 6], 'a/1': [3], 'b/1': [4] });
    expect(pool.activeSubscriptions).toBe(6);
    expect(pool.status()).toMatchObject([
      { state: 'ok', capacity: 4, instruments: 3, room: 1 },
      { state: 'ok', capacity: 4, instruments: 3, room: 1 },
    ]);
    await eventually(() => expect(commandsOf('a')[0]).toContainEqual({ a: 'subscribe', v: [1, 5] }));
  });

  test("an account's next socket opens when the one before has its answer, or after a pause", async () => {
    kite.answer = 'never';
    pool.setAccounts([accountOf('a'), accountOf('b')]);
    desire(...range(1, 6));
    await eventually(() => expect(kite.upgrades).toBe(2));
    clock.advance(KITE_OPENING_STAGGER_MS - 1);
    expect(pool.connections.filter(({ state }) => state.kind === 'connecting')).toHaveLength(2);
    kite.answer = 'accept';
    clock.advance(1);
    await eventually(() => expect(kite.openCount).toBe(4));
    expect(kite.upgradeKeys.sort()).toEqual(['key-a', 'key-a', 'key-a', 'key-b', 'key-b', 'key-b']);
  });

  test('recycles the named socket only, and tells by which one a frame came', async () => {
    pool.setAccounts([small('a'), small('b')]);
    desire(...range(1, 4));
    await open(4);
    for (const { socket } of kite.sockets) socket.send(Uint8Array.of(0));
    await eventually(() => expect(frames.sort()).toEqual(['a/0', 'a/1', 'b/0', 'b/1']));
    expect(pool.recycle('b/1')).toBe(true);
    expect(pool.recycle('b/1')).toBe(false);
    expect(pool.recycle('c/0')).toBe(false);
    expect(pool.connections.map(({ state }) => state.kind)).toEqual(['open', 'open', 'open', 'waiting']);
  });
});

describe('failover', () => {
  beforeEach(async () => {
    pool.setAccounts([small('a'), small('b')]);
    desire(1, 2, 3, 4);
    await open(4);
    expect(carried()).toEqual({ 'a/0': [1], 'a/1': [3], 'b/0': [2], 'b/1': [4] });
  });

  test('a socket that is back within the grace has all that it had, and nothing moves', async () => {
    const before = carried();
    await cut('a/1');
    expect(pool.notPlaced).toEqual([]);
    // Half of the first backoff: the first retry always comes within the grace.
    clock.advance(250);
    await open(4);
    clock.advance(KITE_FAILOVER_GRACE_MS);
    expect(carried()).toEqual(before);
    await eventually(() => expect(commandsOf('a').at(-1)).toContainEqual({ a: 'subscribe', v: [3] }));
    expect(
      commandsOf('b')
        .flat()
        .filter(({ a }) => a !== 'mode'),
    ).toHaveLength(2);
  });

  test('after the grace its instruments are on other sockets, and stay there when it is back', async () => {
    kite.answers.set('key-a', 503);
    await cut('a/1');
    clock.advance(KITE_FAILOVER_GRACE_MS - 1);
    expect(carried()['a/1']).toEqual([3]);
    clock.advance(1);
    const moved = { 'a/0': [1, 3], 'a/1': [], 'b/0': [2], 'b/1': [4] };
    expect(carried()).toEqual(moved);
    await eventually(() => expect(commandsOf('a')[0]).toContainEqual({ a: 'subscribe', v: [3] }));
    expect(pool.status()[0]).toMatchObject({ state: 'down', capacity: 4, instruments: 2, room: 0 });
    kite.answers.delete('key-a');
    await pass(60_000);
    await open(4);
    expect(carried()).toEqual(moved);
    await pass(KITE_STABLE_MS);
    desire(1, 2, 3, 4, 5);
    expect(carried()['a/1']).toEqual([5]);
  });

  test('a whole account that is lost is carried by the others as far as they have room, pinned ones first', async () => {
    pool.setDesired([...wishes([3], 'pinned'), ...wishes([1, 2, 4, 5, 6])]);
    expect(carried()).toEqual({ 'a/0': [1, 5], 'a/1': [3], 'b/0': [2, 6], 'b/1': [4] });
    kite.answers.set('key-a', 503);
    await cut('a/0', 'a/1');
    clock.advance(KITE_FAILOVER_GRACE_MS);
    expect(carried()).toEqual({ 'a/0': [1, 5], 'a/1': [], 'b/0': [2, 6], 'b/1': [4, 3] });
    expect(pool.notPlaced).toEqual([1, 5]);
    expect(pool.activeSubscriptions).toBe(4);
    expect(pool.status()[0]).toMatchObject({ instruments: 0, room: 0 });
    expect(lines.join('')).toMatch(/not all instruments have a place at kite notPlaced=2 desired=6/);
    kite.answers.delete('key-a');
    await pass(60_000);
    await open(4);
    expect(pool.notPlaced).toEqual([]);
    // What waited streams by the first socket of the account that is back; nothing else moves.
    expect(carried()).toMatchObject({ 'b/0': [2, 6], 'b/1': [4, 3] });
    const { 'a/0': one, 'a/1': other } = carried();
    expect([one, other].sort()).toEqual([[], [1, 5]]);
    expect(lines.join('')).toMatch(/all instruments have a place at kite again/);
    await eventually(() => expect(commandsOf('a').flat()).toContainEqual({ a: 'subscribe', v: [1, 5] }));
  });

  test('pinned instruments of a lost account take the places of wishes elsewhere', async () => {
    pool.setDesired([...wishes([1, 3], 'pinned'), ...wishes([2, 4, 5, 6, 7, 8])]);
    expect(carried()).toEqual({ 'a/0': [1, 5], 'a/1': [3, 7], 'b/0': [2, 6], 'b/1': [4, 8] });
    kite.answers.set('key-a', 503);
    await cut('a/0', 'a/1');
    clock.advance(KITE_FAILOVER_GRACE_MS);
    expect(carried()).toEqual({ 'a/0': [5], 'a/1': [7], 'b/0': [2, 1], 'b/1': [4, 3] });
    expect(pool.notPlaced).toEqual([5, 6, 7, 8]);
    // Room is made before it is taken.
    await eventually(() =>
      expect(commandsOf('b')[0]?.slice(-3)).toEqual([
        { a: 'unsubscribe', v: [6] },
        { a: 'subscribe', v: [1] },
        { a: 'mode', v: ['full', [1]] },
      ]),
    );
  });

  test.each([403, 429])('%i moves them at once: nobody waits for a refused account', async (httpStatus) => {
    kite.answers.set('key-a', httpStatus);
    const untouched = kite.openSockets('key-b');
    await cut('a/0', 'a/1');
    clock.advance(250);
    await eventually(() => expect(stateOf('a')).toBe(httpStatus === 403 ? 'unauthorized' : 'throttled'));
    await eventually(() => {
      clock.advance(0);
      expect(carried()).toEqual({ 'a/0': [], 'a/1': [], 'b/0': [2, 1], 'b/1': [4, 3] });
    });
    expect(pool.notPlaced).toEqual([]);
    expect(stateOf('b')).toBe('ok');
    expect(kite.openSockets('key-b')).toEqual(untouched);
    expect(untouched.flatMap(({ commands }) => commands)).not.toContainEqual(
      expect.objectContaining({ a: 'unsubscribe' }),
    );
  });

  test('a frozen handshake does not hold instruments back', async () => {
    kite.answers.set('key-a', 'never');
    await cut('a/0');
    clock.advance(250);
    expect(pool.connections[0]?.state.kind).toBe('connecting');
    clock.advance(KITE_FAILOVER_GRACE_MS - 250);
    expect(carried()['a/0']).toEqual([]);
    expect(Object.values(carried()).flat().sort()).toEqual([1, 2, 3, 4]);
  });

  test('a timer that is early and a clock that moves while a plan is made lose nothing', async () => {
    let isDrifting = false;
    const { after } = clock;
    const timers = vi
      .spyOn(clock, 'after')
      .mockImplementation((delayMs, run) => after.call(clock, delayMs - 1, run));
    const reads = vi.spyOn(clock, 'monotonicMs').mockImplementation(() => {
      if (isDrifting) driftMs += 0.25;
      return clock.wallMs() + driftMs;
    });
    let driftMs = 0;
    kite.answers.set('key-a', 'never');
    isDrifting = true;
    await cut('a/0');
    clock.advance(250);
    for (let passedMs = 0; passedMs <= KITE_FAILOVER_GRACE_MS; passedMs++) clock.advance(1);
    expect(carried()['a/0']).toEqual([]);
    timers.mockRestore();
    reads.mockRestore();
  });

  test('a socket that was lost lately keeps what it has, and is not trusted with more while others have room', async () => {
    await cut('b/1');
    clock.advance(250);
    await open(4);
    desire(...range(1, 7));
    expect(carried()).toEqual({ 'a/0': [1, 5], 'a/1': [3, 7], 'b/0': [2, 6], 'b/1': [4] });
    desire(...range(1, 8));
    expect(carried()['b/1']).toEqual([4, 8]);
  });
});

describe('refusals', () => {
  test('a dead token is tried once, and not again when it is given again', async () => {
    kite.answers.set('key-a', 403);
    const accounts = [accountOf('a'), small('b')];
    pool.setAccounts(accounts);
    desire(...range(1, 4));
    await eventually(() => {
      clock.advance(0);
      expect(carried()).toMatchObject({ 'a/0': [], 'a/1': [], 'a/2': [], 'b/0': [2, 1], 'b/1': [4, 3] });
    });
    for (let round = 0; round < 3; round++) {
      pool.setAccounts(accounts.map((account) => ({ ...account })));
      await pass(60_000);
    }
    expect(kite.upgradeKeys.filter((key) => key === 'key-a')).toHaveLength(1);
    kite.answers.delete('key-a');
    pool.setAccounts([accountOf('a', { accessToken: 'tomorrow' }), small('b')]);
    await eventually(() => expect(stateOf('a')).toBe('ok'));
    expect(kite.last.query.get('access_token')).toBe('tomorrow');
    // The others go on as they were.
    expect(carried()['b/0']).toEqual([2, 1]);
  });

  test('a throttled account is asked with one socket, after a long pause', async () => {
    kite.answers.set('key-a', 429);
    pool.setAccounts([accountOf('a', { instrumentsMax: 1 })]);
    desire(1, 2, 3);
    await eventually(() => expect(stateOf('a')).toBe('throttled'));
    clock.advance(KITE_THROTTLED_BACKOFF_MS_MIN - 1);
    expect(kite.upgrades).toBe(1);
    expect(pool.notPlaced).toEqual([1, 2, 3]);
    kite.answers.delete('key-a');
    clock.advance(1_000);
    await open(3);
    expect(pool.notPlaced).toEqual([]);
  });

  test('an account without a token is not tried, and takes part when it has one', async () => {
    pool.setAccounts([withoutToken(small('a')), small('b')]);
    desire(1, 2);
    await open(2);
    expect(carried()).toEqual({ 'a/0': [], 'a/1': [], 'b/0': [1], 'b/1': [2] });
    expect(stateOf('a')).toBe('unauthorized');
    pool.setAccounts([small('a'), small('b')]);
    await open(3);
    expect(stateOf('a')).toBe('ok');
    expect(kite.upgradeKeys).not.toContain('');
  });

  test('a token that ends leaves open sockets as they are: Kite looks at it when they connect', async () => {
    pool.setAccounts([small('a')]);
    desire(1, 2);
    await open(2);
    pool.setAccounts([withoutToken(small('a'))]);
    expect(pool.activeSubscriptions).toBe(2);
    expect(pool.notPlaced).toEqual([]);
    expect(stateOf('a')).toBe('unauthorized');
    await cut('a/1');
    clock.advance(60_000);
    expect(kite.upgrades).toBe(2);
    expect(carried()).toEqual({ 'a/0': [1, 2], 'a/1': [] });
  });
});

describe('accounts', () => {
  test('one that is added takes what had no place; one that is removed gives all it has to the others', async () => {
    pool.setAccounts([small('a')]);
    desire(...range(1, 6));
    await open(2);
    expect(pool.notPlaced).toEqual([5, 6]);
    pool.setAccounts([small('a'), small('b')]);
    expect(pool.notPlaced).toEqual([]);
    await open(4);
    pool.setAccounts([small('b')]);
    expect(carried()).toEqual({ 'b/0': [5, 1], 'b/1': [6, 2] });
    expect(pool.notPlaced).toEqual([3, 4]);
    await open(2);
    expect(kite.openSockets('key-a')).toEqual([]);
  });

  test('one that is disabled closes its sockets, and opens them when it is enabled', async () => {
    pool.setAccounts([small('a'), small('b')]);
    desire(1, 2);
    await open(2);
    pool.setAccounts([small('a', { isEnabled: false }), small('b')]);
    expect(carried()).toEqual({ 'b/0': [2], 'b/1': [1] });
    expect(pool.status()[0]).toEqual({
      id: 'a',
      state: 'disabled',
      capacity: 0,
      instruments: 0,
      room: 0,
      sockets: [],
    });
    await open(2);
    pool.setAccounts([small('a'), small('b')]);
    await open(3);
    expect(stateOf('a')).toBe('ok');
  });

  test('one whose capacity changes keeps what fits; another api_key is another login', async () => {
    pool.setAccounts([small('a'), small('b')]);
    desire(...range(1, 8));
    await open(4);
    pool.setAccounts([small('a', { instrumentsMax: 1 }), small('b', { connectionsMax: 1 })]);
    expect(carried()).toEqual({ 'a/0': [1], 'a/1': [3], 'b/0': [2, 6] });
    expect(pool.notPlaced).toEqual([4, 5, 7, 8]);
    await open(3);
    pool.setAccounts([small('a', { instrumentsMax: 1 }), small('b', { apiKey: 'key-c' })]);
    await eventually(() => expect(kite.openSockets('key-c')).toHaveLength(2));
    expect(kite.openSockets('key-b')).toEqual([]);
    expect(pool.notPlaced).toEqual([7, 8]);
  });

  test('the same accounts again change nothing', async () => {
    pool.setAccounts([small('a'), small('b')]);
    desire(1, 2, 3);
    await open(3);
    const sockets = kite.openSockets();
    pool.setAccounts([small('b'), small('a')]);
    clock.advance(10);
    expect(kite.openSockets()).toEqual(sockets);
    expect(kite.upgrades).toBe(3);
    expect(pool.status().map(({ id }) => id)).toEqual(['b', 'a']);
  });

  test('over the limit the last ones are left out, and that is said', () => {
    kite.answer = 'never';
    pool.setAccounts(range(1, KITE_ACCOUNTS_MAX + 1).map((number) => accountOf(`n${number}`)));
    expect(pool.status()).toHaveLength(KITE_ACCOUNTS_MAX);
    expect(lines.join('')).toMatch(/too many kite accounts.*accounts=65 accountsMax=64/);
  });

  test('after its end nothing opens any more', async () => {
    pool.setAccounts([small('a')]);
    await open(1);
    pool.stop();
    pool.setAccounts([small('a'), small('b')]);
    desire(1);
    clock.advance(60_000);
    expect(kite.upgrades).toBe(1);
    await eventually(() => expect(kite.openCount).toBe(0));
  });
});
