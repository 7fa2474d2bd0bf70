import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CONNECTIONS_PER_ADDRESS_MAX, CONNECTIONS_PER_USER_MAX } from '../../../shared/limits.ts';
import { addressUnit, ConnectionQuota } from '../../../worker/core/connection-quota.ts';

test('a user has as many sockets as the limit says, and one more when one has gone', () => {
  const quota = new ConnectionQuota();
  for (let i = 0; i < CONNECTIONS_PER_USER_MAX; i++) expect(quota.add('u', `10.0.0.${i}`)).toBeUndefined();
  expect(quota.add('u', '10.0.1.1')).toBe('user');
  expect(quota.add('other', '10.0.1.1')).toBeUndefined();
  quota.remove('u', '10.0.0.0');
  expect(quota.add('u', '10.0.1.1')).toBeUndefined();
  expect(quota.add('u', '10.0.1.1')).toBe('user');
});

test('so has an address, whoever its users are', () => {
  const quota = new ConnectionQuota();
  for (let i = 0; i < CONNECTIONS_PER_ADDRESS_MAX; i++) expect(quota.add(`u${i}`, '1.2.3.4')).toBeUndefined();
  expect(quota.add('new', '1.2.3.4')).toBe('address');
  // A refusal has counted nothing.
  expect(quota.has('new')).toBe(false);
  expect(quota.add('new', '1.2.3.5')).toBeUndefined();
  quota.remove('u0', '1.2.3.4');
  expect(quota.add('newer', '1.2.3.4')).toBeUndefined();
});

test('what is not known is not limited', () => {
  const quota = new ConnectionQuota();
  for (let i = 0; i < 1_000; i++) {
    expect(quota.add(undefined, undefined)).toBeUndefined();
    expect(quota.add(`u${i}`, undefined)).toBeUndefined();
  }
});

test('a socket without a user counts for its address, and for its user from when it has one', () => {
  const quota = new ConnectionQuota();
  for (let i = 0; i < CONNECTIONS_PER_ADDRESS_MAX; i++)
    expect(quota.add(undefined, '1.2.3.4')).toBeUndefined();
  expect(quota.add(undefined, '1.2.3.4')).toBe('address');
  expect(quota.add('u', undefined)).toBeUndefined();
  expect(quota.has('u')).toBe(true);
  quota.remove('u', '1.2.3.4');
  expect(quota.has('u')).toBe(false);
  expect(quota.add(undefined, '1.2.3.4')).toBeUndefined();
});

test('sockets that were there before the limits stay, and count', () => {
  const quota = new ConnectionQuota();
  for (let i = 0; i < CONNECTIONS_PER_USER_MAX + 2; i++) quota.restore('u', undefined);
  expect(quota.add('u', undefined)).toBe('user');
  for (let i = 0; i < 3; i++) quota.remove('u', undefined);
  expect(quota.add('u', undefined)).toBeUndefined();
});

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002:ffff::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['1::2:3:4:5:6', '1:0:0:2::/64'],
  ['unknown', 'unknown'],
])('address %s is of %s', (address, unit) => {
  expect(addressUnit(address)).toBe(unit);
});

test('any order of coming and going counts what a list of all sockets counts', () => {
  const user = fc.constantFrom('a', 'b', undefined);
  const address = fc.constantFrom('1.1.1.1', '2001:db8::1', '2001:db8::2', undefined);
  const step = fc.tuple(fc.boolean(), user, address, fc.nat());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const quota = new ConnectionQuota();
      const open: [string | undefined, string | undefined][] = [];
      const unit = (text: string | undefined) => text && addressUnit(text);
      for (const [adds, userId, from, pick] of steps) {
        if (adds) {
          const isUserFull =
            userId !== undefined && open.filter(([id]) => id === userId).length >= CONNECTIONS_PER_USER_MAX;
          const isAddressFull =
            from !== undefined &&
            open.filter(([, place]) => unit(place) === unit(from)).length >= CONNECTIONS_PER_ADDRESS_MAX;
          const expected = isUserFull ? 'user' : isAddressFull ? 'address' : undefined;
          expect(quota.add(userId, from)).toBe(expected);
          if (expected === undefined) open.push([userId, from]);
        } else if (open.length > 0) {
          const [socket] = open.splice(pick % open.length, 1);
          quota.remove(...socket!);
        }
        for (const id of ['a', 'b']) expect(quota.has(id)).toBe(open.some(([of]) => of === id));
      }
    }),
  );
});
