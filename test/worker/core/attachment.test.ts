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
import {
  ATTACHMENT_VERSION,
  type Attachment,
  packSubscriptions,
  principalBytes,
  readAttachment,
  type SubscriptionItem,
  unpackSubscriptions,
} from '../../../worker/core/attachment.ts';
import { SPEEDS } from '../../../worker/core/protocol.ts';
import { type Terms, termsOf } from '../../../worker/core/terms.ts';
import type { Bearer } from '../../../worker/core/upgrade.ts';

const BEARER: Bearer = {
  userId: 'user_123',
  email: 'user@example.com',
  name: 'John Doe',
  roles: ['trader'],
  permissions: ['ticks:read'],
  expiresAtS: 1_764_000_000,
  issuedAtS: 1_763_990_000,
};

function attachmentOf(subscriptions: Uint8Array, bearer = BEARER): Attachment {
  return {
    version: ATTACHMENT_VERSION,
    dialect: 'native-json',
    connectionId: '01234567-89ab-cdef-0123-456789abcdef',
    bearer,
    // The longest text that an address has: IPv6 with an IPv4 tail.
    address: '1234:5678:9abc:def0:1234:5678:255.255.255.255',
    connectedAtMs: 1_764_000_000_000,
    subscriptions,
  };
}

const item = (token: number, terms: Terms): SubscriptionItem => [token as InstrumentToken, terms];

/** In every mode and at every speed. */
const ALL_TERMS = ([1, 2, 3] as const).flatMap((rank) => SPEEDS.map((speed) => termsOf(rank, speed)));
/** The largest terms that there are. */
const TERMS_MAX = Math.max(...ALL_TERMS);

describe('subscriptions as bytes', () => {
  test('round trip, in whatever order they come', () => {
    const items = fc.uniqueArray(
      fc.tuple(fc.integer({ min: 1, max: 0xffff_ffff }), fc.constantFrom(...ALL_TERMS)),
      { selector: ([token]) => token, maxLength: 100 },
    );
    fc.assert(
      fc.property(items, (list) => {
        const sorted = [...list].sort(([a], [b]) => a - b);
        expect(unpackSubscriptions(packSubscriptions(list.map(([t, r]) => item(t, r))))).toEqual(sorted);
      }),
      { numRuns: 300 },
    );
    for (const terms of ALL_TERMS) {
      const list = [item(1, terms), item(0xffff_fffe, terms), item(0xffff_ffff, terms)];
      expect(unpackSubscriptions(packSubscriptions(list))).toEqual(list);
    }
    expect(unpackSubscriptions(packSubscriptions([item(0xffff_ffff, TERMS_MAX)]))).toEqual([
      [0xffff_ffff, TERMS_MAX],
    ]);
    expect(unpackSubscriptions(new Uint8Array(0))).toEqual([]);
  });

  test('any bytes are either what was packed or nothing', () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(0, 1, 0x11, 0x1f, 0x7f, 0x80, 0xff), fc.nat(255)), {
      maxLength: 14,
    });
    fc.assert(
      fc.property(bytes, (list) => {
        const items = unpackSubscriptions(Uint8Array.from(list));
        if (items) expect([...packSubscriptions(items)]).toEqual(list);
      }),
      { numRuns: 3_000 },
    );
    const corrupted: [string, number[]][] = [
      ['half an item', [0x80]],
      ['a difference and terms of zero', [0x00]],
      ['terms of zero', [0x10]],
      ['a speed without a mode', [0x14]],
      ['a difference of zero', [0x03]],
      ['a difference of zero after an item', [0x11, 0x03]],
      ['a zero at the end of a number', [0x91, 0x00]],
      ['zeros without end', [...new Array(200).fill(0x80), 0x11]],
      ['more than a token', [0xff, 0xff, 0xff, 0xff, 0xff, 0x02]],
      ['seven bytes', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
      ['tokens that add up to more than one', [0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x11]],
    ];
    for (const [name, list] of corrupted)
      expect(unpackSubscriptions(Uint8Array.from(list)), name).toBeUndefined();
    expect(unpackSubscriptions(Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x01]))).toEqual([
      [0xffff_ffff, 15],
    ]);
  });

  test(`${CLIENT_SUBSCRIPTIONS_MAX} are read, one more is not ours`, () => {
    const items = Array.from({ length: CLIENT_SUBSCRIPTIONS_MAX + 1 }, (_, i) => item(i + 1, 3));
    expect(unpackSubscriptions(packSubscriptions(items.slice(1)))).toHaveLength(CLIENT_SUBSCRIPTIONS_MAX);
    expect(unpackSubscriptions(packSubscriptions(items))).toBeUndefined();
  });
});

describe(`the largest session fits ${ATTACHMENT_BYTES_MAX} bytes as the runtime serialises it`, () => {
  /** Smallest differences that take four bytes and five: 7 bits a byte, 4 of them the terms. */
  const [GAP_4, GAP_5] = [2 ** 17, 2 ** 24];
  /** A fifth byte costs GAP_5 - GAP_4 of the 32 bits: so many can have it while all others have four. */
  const FIVES = Math.floor((0xffff_ffff - CLIENT_SUBSCRIPTIONS_MAX * GAP_4) / (GAP_5 - GAP_4));
  const worst = Array.from({ length: CLIENT_SUBSCRIPTIONS_MAX }, (_, i) => {
    const large = Math.min(i + 1, FIVES);
    return item(large * GAP_5 + (i + 1 - large) * GAP_4, TERMS_MAX);
  });

  /** Bytes that a difference takes. */
  function bytesOf(difference: number): number {
    return packSubscriptions([item(difference, TERMS_MAX)]).length;
  }

  /** Claims just under the bound, in text that takes two bytes a character. */
  function largestBearer(): Bearer {
    const base = { ...BEARER, name: 'अनुभव', roles: Array.from({ length: 20 }, (_, i) => `भूमिका-${i}`) };
    const permissions: string[] = [];
    for (
      let i = 0;
      principalBytes({ ...base, permissions: [...permissions, `अनुमति:${i}`] }) <= PRINCIPAL_BYTES_MAX;
      i++
    )
      permissions.push(`अनुमति:${i}`);
    return { ...base, permissions };
  }

  function oneLongName(): Bearer {
    const room = PRINCIPAL_BYTES_MAX - principalBytes({ ...BEARER, name: '' });
    return { ...BEARER, name: 'अ'.repeat(room / 2) };
  }

  test('with 3,000 tokens as far apart as they can be', () => {
    expect(new Set(worst.map(([token]) => token)).size).toBe(CLIENT_SUBSCRIPTIONS_MAX);
    expect(Math.max(...worst.map(([token]) => token))).toBeLessThanOrEqual(0xffff_ffff);
    const bytes = packSubscriptions(worst);
    expect([GAP_4 - 1, GAP_4, GAP_5 - 1, GAP_5].map(bytesOf)).toEqual([3, 4, 4, 5]);
    expect(bytes.length).toBe(4 * CLIENT_SUBSCRIPTIONS_MAX + FIVES);
    expect(unpackSubscriptions(bytes)).toEqual(worst);
    const { bearer: _none, ...anonymous } = attachmentOf(bytes);
    const ownBytes = serialize(anonymous).length + serialize('bearer').length;
    expect(ownBytes + PRINCIPAL_BYTES_MAX, 'whatever the claims').toBeLessThanOrEqual(ATTACHMENT_BYTES_MAX);
    for (const bearer of [BEARER, largestBearer(), oneLongName()]) {
      const serialised = serialize(attachmentOf(bytes, bearer));
      expect(serialised.length).toBeLessThanOrEqual(ATTACHMENT_BYTES_MAX);
      expect(readAttachment(deserialize(serialised))).toEqual(attachmentOf(bytes, bearer));
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
        issuedAtS: fc.double({ noNaN: true }),
      },
      { requiredKeys: ['userId', 'roles', 'permissions', 'expiresAtS', 'issuedAtS'] },
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

  test('without a bearer, as long as the client has not authenticated', () => {
    const { bearer, address, ...anonymous } = attachmentOf(new Uint8Array(0));
    expect([bearer?.userId, address === undefined]).toEqual([BEARER.userId, false]);
    expect(readAttachment(deserialize(serialize(anonymous)))).toEqual(anonymous);
  });

  test('anything else is undefined', () => {
    const whole = attachmentOf(new Uint8Array(0));
    const others: unknown[] = [undefined, null, 1, 'x', [], {}];
    const optional = new Set(['bearer', 'address']);
    for (const key of Object.keys(whole)) if (!optional.has(key)) others.push({ ...whole, [key]: undefined });
    others.push({ ...whole, version: ATTACHMENT_VERSION - 1 });
    others.push({ ...whole, version: ATTACHMENT_VERSION + 1 }, { ...whole, subscriptions: [1, 2] });
    others.push({ ...whole, bearer: {} }, { ...whole, bearer: { ...BEARER, userId: 5 } });
    others.push({ ...whole, bearer: { ...BEARER, permissions: 'all' } });
    others.push({ ...whole, bearer: { ...BEARER, expiresAtS: undefined } });
    others.push({ ...whole, bearer: { ...BEARER, issuedAtS: undefined } });
    for (const other of others) expect(readAttachment(other), JSON.stringify(other)).toBeUndefined();
  });
});
