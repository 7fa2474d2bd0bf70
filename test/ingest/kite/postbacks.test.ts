// Postbacks: whose secret signed one, and that anybody's words are nobody's.
import { createHash } from 'node:crypto';
import { beforeEach, expect, test, vi } from 'vitest';
import { type AccountSecret, Postbacks } from '../../../ingest/kite/postbacks.ts';
import { POSTBACK_SECRETS_AGE_MS_MAX } from '../../../shared/limits.ts';
import { ManualClock } from '../support/manual-clock.ts';

const SECRETS: readonly AccountSecret[] = [
  { accountId: 'first', apiSecret: 'secret-of-the-first' },
  { accountId: 'second', apiSecret: 'secret-of-the-second' },
];
const TIME = '2026-11-20 09:15:07';

let clock: ManualClock;
let readSecrets: ReturnType<typeof vi.fn<() => Promise<readonly AccountSecret[]>>>;
let postbacks: Postbacks;
beforeEach(() => {
  clock = new ManualClock();
  readSecrets = vi.fn(async () => SECRETS);
  postbacks = new Postbacks({ readSecrets, clock });
});

const signed = (apiSecret: string, parts: object = {}) => {
  const checksum = createHash('sha256').update(`151220000000000${TIME}${apiSecret}`).digest('hex');
  const order = { order_id: '151220000000000', order_timestamp: TIME, status: 'COMPLETE', checksum };
  return JSON.stringify({ ...order, ...parts });
};

test('is of the account whose secret has signed it, whatever else it says', async () => {
  const order = { accountId: 'second', orderId: '151220000000000' };
  expect(await postbacks.check(signed('secret-of-the-second'))).toEqual(order);
  expect(await postbacks.check(signed('secret-of-the-second', { status: 'REJECTED', user_id: 'X' }))).toEqual(
    order,
  );
});

test.each<[string, string]>([
  ['another secret', signed('secret-of-nobody')],
  ['another order', signed('secret-of-the-first', { order_id: '151220000000001' })],
  ['another time', signed('secret-of-the-first', { order_timestamp: '2026-11-20 09:15:08' })],
  ['half a checksum', signed('secret-of-the-first', { checksum: 'ab' })],
  ['a checksum of other letters', signed('secret-of-the-first', { checksum: 'é'.repeat(64) })],
  ['no checksum', signed('secret-of-the-first', { checksum: undefined })],
  ['an id that is a number', signed('secret-of-the-first', { order_id: 151220000000000 })],
  ['an id with a path in it', signed('secret-of-the-first', { order_id: '../user/profile' })],
  ['no JSON', 'order_id=151220000000000'],
  ['another JSON', '[]'],
])('with %s is nobody’s', async (_, text) => {
  expect(await postbacks.check(text)).toBeUndefined();
});

test('secrets are read once for a burst, and anew when they may have changed', async () => {
  await Promise.all(Array.from({ length: 10 }, () => postbacks.check(signed('x'))));
  expect(readSecrets).toHaveBeenCalledTimes(1);
  clock.advance(POSTBACK_SECRETS_AGE_MS_MAX + 1);
  readSecrets.mockResolvedValueOnce([{ accountId: 'third', apiSecret: 'x' }]);
  expect(await postbacks.check(signed('x'))).toMatchObject({ accountId: 'third' });
});

test('without the secrets nobody knows, and the next one asks again', async () => {
  readSecrets.mockRejectedValueOnce(new Error('away'));
  await expect(postbacks.check(signed('secret-of-the-first'))).rejects.toMatchObject({
    code: 'database_unavailable',
  });
  expect(await postbacks.check(signed('secret-of-the-first'))).toMatchObject({ accountId: 'first' });
});
