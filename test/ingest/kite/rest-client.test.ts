// REST calls of one account: their turn, their limits, their end; and over several accounts, whose turn it is.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { KiteRestClient } from '../../../ingest/kite/rest-client.ts';
import type { KiteRestError } from '../../../ingest/kite/rest-error.ts';
import { KiteRestPool } from '../../../ingest/kite/rest-pool.ts';
import type { KiteRequest } from '../../../ingest/kite/rest-request.ts';
import {
  KITE_CALL_MS_MAX,
  KITE_CALLS_AT_ONCE_MAX,
  KITE_CALLS_QUEUED_MAX,
  KITE_COOLDOWN_MS_MIN,
  KITE_ORDER_REQUESTS_PER_DAY_MAX,
} from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { DEAD_TOKEN, FakeRest, failure, success, TOO_MANY } from '../support/fake-rest.ts';
import { ManualClock } from '../support/manual-clock.ts';

const get = (path: string): KiteRequest => ({ method: 'GET', path });
const PROFILE = get('/user/profile');
const QUOTE = get('/quote');
const ORDER: KiteRequest = { method: 'POST', path: '/orders/regular' };
const SESSION = { apiKey: 'the-api-key', accessToken: 'the-first-token' };

let rest: FakeRest;
let clock: ManualClock;
let client: KiteRestClient;
let refused: string[];

beforeEach(async () => {
  rest = await FakeRest.start();
  clock = new ManualClock();
  refused = [];
  client = new KiteRestClient({
    accountId: 'main',
    endpoint: { apiRoot: rest.url, pathPrefix: '' },
    clock,
    onUnauthorized: (token) => refused.push(token),
  });
  client.setSession(SESSION);
});

afterEach(async () => {
  client.stop();
  await rest.stop();
});

/** A call's outcome: its data or its error, never a rejection that nobody awaits. */
const call = (request: KiteRequest, msMax?: number): Promise<unknown> =>
  client
    .call(request, z.unknown(), msMax === undefined ? {} : { msMax })
    .catch((error: KiteRestError) => ({ failure: error.failure, mayHaveArrived: error.mayHaveArrived }));

const answered = (count: number) =>
  eventually(() => {
    expect(rest.calls).toHaveLength(count);
    expect(rest.open).toBe(0);
  });

test('an answer is checked, and what does not fit is named without being shown', async () => {
  rest.answer = () => success({ user_id: 7, note: 'private' });
  const called = client.call(PROFILE, z.object({ user_id: z.string() }));
  await expect(called).rejects.toMatchObject({ failure: 'unexpected', mayHaveArrived: true });
  await expect(called).rejects.toThrow(
    'GET /user/profile of account main: field user_id: Invalid input: expected string, received number',
  );
});

test('no more than two are under way, whatever comes', async () => {
  rest.hold();
  const calls = Array.from({ length: 6 }, (_, i) => call(get(`/orders/${i}`)));
  await eventually(() => expect(rest.calls).toHaveLength(KITE_CALLS_AT_ONCE_MAX));
  rest.release();
  await Promise.all(calls);
  expect(rest.openMax).toBe(KITE_CALLS_AT_ONCE_MAX);
  expect(rest.calls.map(({ path }) => path)).toEqual([0, 1, 2, 3, 4, 5].map((i) => `/orders/${i}`));
});

test('quotes wait for their second, other calls do not wait for them', async () => {
  const quotes = [call(QUOTE), call(QUOTE)];
  const profile = call(PROFILE);
  await profile;
  await quotes[0];
  expect(rest.calls.map(({ path }) => path).sort()).toEqual(['/quote', '/user/profile']);
  clock.advance(1_099);
  await call(PROFILE);
  expect(rest.calls).toHaveLength(3);
  clock.advance(1);
  expect(await quotes[1]).toBe(true);
});

test('a call that does not get its turn in its time fails unsent, and the one behind it takes its place', async () => {
  const [first, second, third] = [call(QUOTE), call(QUOTE, 500), call(QUOTE)];
  await first;
  clock.advance(500);
  expect(await second).toEqual({ failure: 'not_sent', mayHaveArrived: false });
  clock.advance(600);
  expect(await third).toBe(true);
  expect(rest.calls).toHaveLength(2);
});

test('a call without an answer ends by its deadline, is cut off, and its place is free again', async () => {
  rest.answer = () => 'hang';
  const stuck = [call(PROFILE), call(PROFILE)];
  await eventually(() => expect(rest.calls).toHaveLength(2));
  clock.advance(KITE_CALL_MS_MAX);
  const timeout = { failure: 'timeout', mayHaveArrived: true };
  expect(await Promise.all(stuck)).toEqual([timeout, timeout]);
  await eventually(() => expect(rest.open).toBe(0));
  rest.answer = () => success(1);
  expect(await call(PROFILE)).toBe(1);
});

test('more waiting calls than can have their turn are refused at once', async () => {
  rest.hold();
  const calls = Array.from({ length: KITE_CALLS_AT_ONCE_MAX + KITE_CALLS_QUEUED_MAX }, () => call(PROFILE));
  expect(await call(PROFILE)).toEqual({ failure: 'not_sent', mayHaveArrived: false });
  client.stop();
  rest.release();
  expect(new Set((await Promise.all(calls)).map((outcome) => JSON.stringify(outcome))).size).toBe(2);
});

describe('a 429', () => {
  test('makes a call wait, not fail, and longer each time', async () => {
    let refusals = 5;
    rest.answer = () => (refusals-- > 0 ? TOO_MANY : success('at last'));
    const called = call(PROFILE, 60_000);
    for (const restMs of [1_000, 2_000, 4_000, 8_000, 16_000]) {
      // Beside the deadline.
      await eventually(() => expect(clock.delaysMs).toHaveLength(2));
      expect(clock.delaysMs[0]).toBe(restMs);
      clock.advance(restMs);
    }
    expect(await called).toBe('at last');
    expect(rest.calls).toHaveLength(6);
  });

  test('in a storm of them few calls are sent, and all are answered when it is over', async () => {
    rest.answer = () => TOO_MANY;
    const calls = Array.from({ length: 50 }, () => call(PROFILE, 600_000));
    for (let second = 0; second < 120; second++) {
      clock.advance(1_000);
      await eventually(() => expect(rest.open).toBe(0));
    }
    // Two at once, after rests of 1, 4, 16, 60 and 60 s at the latest.
    expect(rest.calls.length).toBeLessThanOrEqual(16);
    rest.answer = () => success('calm');
    let done = 0;
    for (const one of calls) void one.then(() => done++);
    await eventually(async () => {
      clock.advance(1_000);
      await Promise.resolve();
      expect(done).toBe(50);
    });
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['calm']));
  });

  test('that does not end fails the call with its own status when its time is over', async () => {
    rest.answer = () => TOO_MANY;
    const called = client.call(PROFILE, z.unknown(), { msMax: 900 });
    called.catch(() => undefined);
    await answered(1);
    await eventually(() => expect(clock.delaysMs).toContain(KITE_COOLDOWN_MS_MIN));
    clock.advance(900);
    await expect(called).rejects.toMatchObject({ failure: 'throttled', httpStatus: 429 });
    expect(rest.calls).toHaveLength(1);
  });

  test('never sends an order a second time', async () => {
    rest.answer = () => TOO_MANY;
    expect(await call(ORDER)).toEqual({ failure: 'throttled', mayHaveArrived: true });
    clock.advance(60_000);
    expect(rest.calls).toHaveLength(1);
  });
});

test("a day's order requests are counted, also those that Kite refuses, and then none is sent", async () => {
  rest.answer = () => failure(400, 'InputException', 'Invalid `quantity`.');
  const pace = new KiteRestClient({
    accountId: 'main',
    endpoint: { apiRoot: 'http://127.0.0.1:1', pathPrefix: '' },
    clock,
    onUnauthorized: () => undefined,
  });
  pace.setSession(SESSION);
  const outcomes = new Map<string, number>();
  for (let i = 0; i <= KITE_ORDER_REQUESTS_PER_DAY_MAX; i++) {
    const outcome = await pace.call(ORDER, z.unknown()).catch((error: KiteRestError) => error.failure);
    outcomes.set(String(outcome), (outcomes.get(String(outcome)) ?? 0) + 1);
    clock.advance(200);
  }
  expect(Object.fromEntries(outcomes)).toEqual({ unreachable: KITE_ORDER_REQUESTS_PER_DAY_MAX, not_sent: 1 });
}, 60_000);

describe('a dead token', () => {
  test('is told once and not sent again; a new one is', async () => {
    rest.answer = ({ headers }) =>
      String(headers.authorization).endsWith('first-token') ? DEAD_TOKEN : success('in');
    expect(await call(PROFILE)).toEqual({ failure: 'unauthorized', mayHaveArrived: true });
    expect([refused, client.isAuthorized]).toEqual([['the-first-token'], false]);
    expect(await Promise.all([call(PROFILE), call(ORDER)])).toEqual([
      { failure: 'unauthorized', mayHaveArrived: false },
      { failure: 'unauthorized', mayHaveArrived: false },
    ]);
    // The same one again, as a reading of the database brings it.
    client.setSession(SESSION);
    expect(await call(PROFILE)).toMatchObject({ mayHaveArrived: false });
    expect(rest.calls).toHaveLength(1);
    client.setSession({ ...SESSION, accessToken: 'the-second-token' });
    expect(await call(PROFILE)).toBe('in');
    expect(refused).toEqual(['the-first-token']);
  });

  test('fails the calls that wait when they get their turn, unsent', async () => {
    rest.answer = () => DEAD_TOKEN;
    const calls = [call(QUOTE), call(QUOTE)];
    expect(await calls[0]).toMatchObject({ failure: 'unauthorized', mayHaveArrived: true });
    clock.advance(1_100);
    expect(await calls[1]).toMatchObject({ failure: 'unauthorized', mayHaveArrived: false });
    expect(rest.calls).toHaveLength(1);
  });

  test('a page with 403 is none', async () => {
    rest.answer = () => [403, '<html>blocked'];
    expect(await call(PROFILE)).toMatchObject({ failure: 'unexpected' });
    expect([refused, client.isAuthorized]).toEqual([[], true]);
  });
});

test('at its end every call fails, those that are under way too, and no timer stays', async () => {
  rest.answer = () => 'hang';
  const calls = [call(PROFILE), call(PROFILE), call(PROFILE), call(QUOTE), call(QUOTE)];
  await eventually(() => expect(rest.calls).toHaveLength(2));
  client.stop();
  expect((await Promise.all(calls)).map((outcome) => (outcome as { failure: string }).failure)).toEqual([
    'timeout',
    'timeout',
    'not_sent',
    'not_sent',
    'not_sent',
  ]);
  expect(clock.delaysMs).toEqual([]);
});

describe('over several accounts', () => {
  const account = (id: string, parts: object = {}) => ({
    id,
    apiKey: `key-of-${id}`,
    accessToken: `token-of-${id}`,
    isEnabled: true,
    connectionsMax: 3,
    instrumentsMax: 3_000,
    ...parts,
  });
  const whose = () =>
    rest.calls.map(({ headers }) => /key-of-(\w+)/.exec(String(headers.authorization))?.[1]);
  const onUnauthorized = vi.fn();
  let pool: KiteRestPool;

  beforeEach(() => {
    onUnauthorized.mockClear();
    pool = new KiteRestPool({ endpoint: { apiRoot: rest.url, pathPrefix: '' }, clock, onUnauthorized });
  });
  afterEach(() => pool.stop());

  test('a call goes where it is sent, or to the least busy of those that can answer', async () => {
    pool.setAccounts([account('a'), account('b'), account('off', { isEnabled: false })]);
    rest.hold();
    const held = [pool.call(PROFILE, z.unknown(), { accountId: 'a' }), pool.call(PROFILE, z.unknown())];
    await eventually(() => expect(rest.calls).toHaveLength(2));
    rest.release();
    await Promise.all(held);
    expect(whose().sort()).toEqual(['a', 'b']);
    await expect(pool.call(PROFILE, z.unknown(), { accountId: 'off' })).rejects.toMatchObject({
      failure: 'unauthorized',
      mayHaveArrived: false,
    });
    await expect(pool.call(PROFILE, z.unknown(), { accountId: 'none' })).rejects.toThrow(
      'there is no account none',
    );
  });

  test('one with a dead token is passed over, and limits belong to each account', async () => {
    pool.setAccounts([account('a'), account('b')]);
    rest.answer = ({ headers }) => (String(headers.authorization).includes('of-a') ? DEAD_TOKEN : success(1));
    await expect(pool.call(QUOTE, z.unknown())).rejects.toMatchObject({ failure: 'unauthorized' });
    expect(onUnauthorized).toHaveBeenCalledExactlyOnceWith('a', 'token-of-a');
    expect(await pool.call(QUOTE, z.unknown())).toBe(1);
    expect(whose()).toEqual(['a', 'b']);
  });

  test('of an account that goes, or becomes another app, the calls fail', async () => {
    pool.setAccounts([account('a'), account('b')]);
    rest.answer = () => 'hang';
    const calls = ['a', 'b'].map((accountId) =>
      pool.call(PROFILE, z.unknown(), { accountId }).catch((error: KiteRestError) => error.failure),
    );
    await eventually(() => expect(rest.calls).toHaveLength(2));
    pool.setAccounts([account('b', { apiKey: 'key-of-another' })]);
    expect(await Promise.all(calls)).toEqual(['timeout', 'timeout']);
    pool.setAccounts([]);
    await expect(pool.call(PROFILE, z.unknown())).rejects.toThrow('no account is logged in');
  });
});
