// What the edge asks about accounts: Kite's answers as they are, and its refusals under codes of ours.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../ingest/clock.ts';
import { accountHandlers, type QuestionedAccounts } from '../../../ingest/edge/account-questions.ts';
import type { SignedOrder } from '../../../ingest/kite/postbacks.ts';
import { KiteRestPool } from '../../../ingest/kite/rest-pool.ts';
import { accountOf } from '../support/accounts.ts';
import { DEAD_TOKEN, FakeRest, failure, success } from '../support/fake-rest.ts';

let rest: FakeRest;
let pool: KiteRestPool;
let accounts: QuestionedAccounts;
const reread = vi.fn<(order: SignedOrder) => void>();

beforeEach(async () => {
  reread.mockReset();
  rest = await FakeRest.start();
  const endpoint = { apiRoot: rest.url, pathPrefix: '' };
  pool = new KiteRestPool({ endpoint, clock: systemClock, onUnauthorized: () => undefined });
  pool.setAccounts([accountOf('main')]);
  accounts = {
    rest: pool,
    has: (id) => id === 'main',
    checkPostback: async (text) => (text === 'signed' ? { accountId: 'main', orderId: '7' } : undefined),
  };
});
afterEach(async () => {
  pool.stop();
  await rest.stop();
});

const QUESTION = { account_id: 'main' };
const handlers = () => accountHandlers(accounts, reread);

test('orders, positions and margins are what Kite says, with all that it says', async () => {
  rest.answer = ({ path }) => success([{ path, unknown: { to: ['us'] } }]);
  expect(await handlers().orders(QUESTION)).toEqual([{ path: '/orders', unknown: { to: ['us'] } }]);
  expect(await handlers().positions(QUESTION)).toMatchObject([{ path: '/portfolio/positions' }]);
  expect(await handlers().margins(QUESTION)).toMatchObject([{ path: '/user/margins' }]);
  expect(rest.calls.every(({ method }) => method === 'GET')).toBe(true);
});

test('what cannot be answered has a code', async () => {
  await expect(handlers().orders({ account_id: 'other' })).rejects.toMatchObject({
    code: 'unknown_account',
    message: 'account_id: "other" is no account',
  });
  await expect(handlers().orders({})).rejects.toMatchObject({
    code: 'invalid_parameter',
    message: /account_id/,
  });
  expect(rest.calls).toEqual([]);
  rest.answer = () => failure(503, 'NetworkException', 'Request failed (kitetrade-oms).');
  await expect(handlers().margins(QUESTION)).rejects.toMatchObject({
    code: 'sidecar_unavailable',
    message: expect.stringContaining('status 503, NetworkException'),
  });
  rest.answer = () => success('no list');
  await expect(handlers().orders(QUESTION)).rejects.toMatchObject({ code: 'sidecar_unavailable' });
  rest.answer = () => DEAD_TOKEN;
  for (const _ of [1, 2])
    await expect(handlers().orders(QUESTION)).rejects.toMatchObject({ code: 'sidecar_unavailable' });
  const nobody = accountHandlers(undefined, reread);
  for (const name of ['orders', 'positions', 'margins', 'postback'] as const)
    await expect(nobody[name](QUESTION)).rejects.toMatchObject({ code: 'sidecar_unavailable' });
});

test('a postback has its order read again, and only when it is signed', async () => {
  expect(await handlers().postback({ text: 'forged' })).toEqual({ accepted: false });
  expect(reread).not.toHaveBeenCalled();
  expect(await handlers().postback({ text: 'signed' })).toEqual({ accepted: true });
  expect(reread).toHaveBeenCalledExactlyOnceWith({ accountId: 'main', orderId: '7' });
  await expect(handlers().postback({ text: 7 })).rejects.toMatchObject({ code: 'invalid_parameter' });
});
