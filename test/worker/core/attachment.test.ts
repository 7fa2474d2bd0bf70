// What a hibernating socket remembers: it fits, it comes back whole, and what is not ours is not read.
import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import {
  ATTACHMENT_BYTES_MAX,
  CLIENT_SUBSCRIPTIONS_MAX,
  PRINCIPAL_BYTES_MAX,
} from '../../../shared/limits.ts';
import type { ModeRank } from '../../../shared/tick.ts';
import {
  ATTACHMENT_VERSION,
  type Attachment,
  packSubscriptions,
  principalBytes,
  readAttachment,
  unpackSubscriptions,
} from '../../../worker/core/attachment.ts';
import type { Principal } from '../../../worker/core/protocol.ts';
import type { InterestItem } from '../../../worker/core/shard-book.ts';

const PRINCIPAL: Principal = {
  userId: 'user_123',
  email: 'user@example.com',
  name: 'John Doe',
  roles: ['trader'],
  permissions: ['ticks:read'],
  expiresAtS: 1_764_000_000,
};

function attachmentOf(subscriptions: Uint8Array, principal = PRINCIPAL): Attachment {
  return {
    version: ATTACHMENT_VERSION,
    dialect: 'native-json',
    connectionId: '01234567-89ab-cdef-0123-456789abcdef',
    principal,
    connectedAtMs: 1_764_000_000_000,
    subscriptions,
  };
}

const item = (token: number, rank: ModeRank): InterestItem => [token as InstrumentToken, rank];

describe('subscriptions as bytes', () => {
  test('round trip, in whatever order they come', () => {
    const items = fc.uniqueArray(
      fc.tuple(fc.integer({ min: 1, max: 0xffff_ffff }), fc.constantFrom<ModeRank>(1, 2, 3)),
      { selector: ([token]) => token, maxLength: 100 },
    );
    fc.assert(
      fc.property(items, (list) => {
        const sorted = [...list].sort(([a], [b]) => a - b);
        expect(unpackSubscriptions(packSubscriptions(list.map(([t, r]) => item(t, r))))).toEqual(sorted);
      }),
      { numRuns: 300 },
    );
    expect(unpackSubscriptions(packSubscriptions([item(0xffff_ffff, 3)]))).toEqual([[0xffff_ffff, 3]]);
    expect(unpackSubscriptions(new Uint8Array(0))).toEqual([]);
  });

  test('any bytes are either what was packed or nothing', () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(0, 1, 5, 0x7f, 0x80, 0xff), fc.nat(255)), {
      maxLength: 14,
    });
    fc.assert(
      fc.property(bytes, (list) => {
        const items = unpackSubscriptions(Uint8Array.from(list));
        if (items) expect([...packSubscriptions(items)]).toEqual(list);
      }),
      { numRuns: 3_000 },
    );
    const corrupted = [
      [0x80],
      [0x00],
      [0x04],
      [0x03],
      [0x85, 0x00],
      [...new Array(200).fill(0x80), 0x05],
      [0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    for (const list of corrupted)
      expect(unpackSubscriptions(Uint8Array.from(list)), `${list}`).toBeUndefined();
  });

  test(`${CLIENT_SUBSCRIPTIONS_MAX} are read, one more is not ours`, () => {
    const items = Array.from({ length: CLIENT_SUBSCRIPTIONS_MAX + 1 }, (_, i) => item(i + 1, 3));
    expect(unpackSubscriptions(packSubscriptions(items.slice(1)))).toHaveLength(CLIENT_SUBSCRIPTIONS_MAX);
    expect(unpackSubscriptions(packSubscriptions(items))).toBeUndefined();
  });
});

describe(`the largest session fits ${ATTACHMENT_BYTES_MAX} bytes as the runtime serialises it`, () => {
  /** All gaps take four bytes, and as many as 32 bits have room for take five. */
  const worst = Array.from({ length: CLIENT_SUBSCRIPTIONS_MAX }, (_, i) => {
    const large = Math.min(i + 1, 40);
    return item(large * 2 ** 26 + (i + 1 - large) * 2 ** 19, 3);
  });

  /** Claims just under the bound, in text that takes two bytes a character. */
  function largestPrincipal(): Principal {
    const base = { ...PRINCIPAL, name: 'अनुभव', roles: Array.from({ length: 20 }, (_, i) => `भूमिका-${i}`) };
    const permissions: string[] = [];
    for (
      let i = 0;
      principalBytes({ ...base, permissions: [...permissions, `अनुमति:${i}`] }) <= PRINCIPAL_BYTES_MAX;
      i++
    )
      permissions.push(`अनुमति:${i}`);
    return { ...base, permissions };
  }

  test('with 3,000 tokens as far apart as they can be', () => {
    expect(new Set(worst.map(([token]) => token)).size).toBe(CLIENT_SUBSCRIPTIONS_MAX);
    expect(Math.max(...worst.map(([token]) => token))).toBeLessThanOrEqual(0xffff_ffff);
    const bytes = packSubscriptions(worst);
    expect(bytes.length).toBe(4 * CLIENT_SUBSCRIPTIONS_MAX + 40);
    expect(unpackSubscriptions(bytes)).toEqual(worst);
    for (const principal of [PRINCIPAL, largestPrincipal()]) {
      const serialised = serialize(attachmentOf(bytes, principal));
      expect(serialised.length).toBeLessThanOrEqual(ATTACHMENT_BYTES_MAX);
      expect(readAttachment(deserialize(serialised))).toEqual(attachmentOf(bytes, principal));
    }
  });

  test('a principal takes no more than it is said to', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    const principal = fc.record(
      {
        userId: text,
        email: text,
        name: text,
        roles: fc.array(text, { maxLength: 10 }),
        permissions: fc.array(text, { maxLength: 40 }),
        expiresAtS: fc.double({ noNaN: true }),
      },
      { requiredKeys: ['userId', 'roles', 'permissions', 'expiresAtS'] },
    );
    fc.assert(
      fc.property(principal, (claims) => {
        expect(serialize(claims).length).toBeLessThanOrEqual(principalBytes(claims));
      }),
      { numRuns: 300 },
    );
  });
});

describe('readAttachment', () => {
  test('what was written is read', () => {
    const attachment = attachmentOf(packSubscriptions([item(256_265, 3)]));
    expect(readAttachment(deserialize(serialize(attachment)))).toEqual(attachment);
  });

  test('anything else is undefined', () => {
    const whole = attachmentOf(new Uint8Array(0));
    const others: unknown[] = [undefined, null, 1, 'x', [], {}];
    for (const key of Object.keys(whole)) others.push({ ...whole, [key]: undefined });
    others.push({ ...whole, version: ATTACHMENT_VERSION + 1 }, { ...whole, subscriptions: [1, 2] });
    others.push({ ...whole, principal: {} }, { ...whole, principal: { ...PRINCIPAL, userId: 5 } });
    others.push({ ...whole, principal: { ...PRINCIPAL, permissions: 'all' } });
    others.push({ ...whole, principal: { ...PRINCIPAL, expiresAtS: undefined } });
    for (const other of others) expect(readAttachment(other), JSON.stringify(other)).toBeUndefined();
  });
});
