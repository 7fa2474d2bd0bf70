// What a hibernating socket remembers: it fits, it comes back whole, and what is not ours is not read.
import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import {
  ATTACHMENT_BYTES_MAX,
  CHAIN_STRIKES_MAX,
  CHAIN_UNDERLYING_CHARS_MAX,
  CLIENT_BARS_MAX,
  CLIENT_CHAINS_MAX,
  CLIENT_FILTERS_MAX,
  CLIENT_SUBSCRIPTIONS_MAX,
  PRINCIPAL_BYTES_MAX,
} from '../../../shared/limits.ts';
import {
  ATTACHMENT_VERSION,
  type Attachment,
  packBars,
  packSubscriptions,
  principalBytes,
  readAttachment,
  type SubscriptionItem,
  unpackBars,
  unpackSubscriptions,
} from '../../../worker/core/attachment.ts';
import { ALL_INTERVALS } from '../../../worker/core/bar.ts';
import type { BarSubscription } from '../../../worker/core/bar-book.ts';
import { type ChainItem, packChains, unpackChains } from '../../../worker/core/chain-attachment.ts';
import { membersMax } from '../../../worker/core/chain-book.ts';
import type { RawFilter } from '../../../worker/core/filters.ts';
import { SPEEDS } from '../../../worker/core/protocol.ts';
import { TERMS_BITS, type Terms, termsOf } from '../../../worker/core/terms.ts';
import type { Bearer } from '../../../worker/core/upgrade.ts';

const CHAIN_MEMBERS_MAX = membersMax(CHAIN_STRIKES_MAX);

const BEARER: Bearer = {
  userId: 'user_123',
  email: 'user@example.com',
  name: 'John Doe',
  roles: ['trader'],
  permissions: ['ticks:read'],
  expiresAtS: 1_764_000_000,
  issuedAtS: 1_763_990_000,
};

/** As many bars as may be, as far apart as can be. */
const MOST_BARS = Array.from(
  { length: CLIENT_BARS_MAX },
  (_, i): BarSubscription => [((i + 1) * Math.floor(0xffff_ffff / CLIENT_BARS_MAX)) as InstrumentToken, 2],
);

/** As many chains as may be, under names as long as can be, each with so many members as far apart as can be. */
function mostChains(membersEach: number): ChainItem[] {
  const strikes = Math.max(1, (membersEach / 2 - 1) / 2);
  const gap = Math.floor(0xffff_ffff / (membersEach + 1));
  return Array.from({ length: CLIENT_CHAINS_MAX }, (_, chain) => ({
    underlying: `${chain}`.padEnd(CHAIN_UNDERLYING_CHARS_MAX, 'X'),
    exchange: 'NFO',
    expiry: '2026-12-01',
    strikes,
    terms: termsOf(3, 1000),
    center: 123_456.7525,
    members: Array.from({ length: membersEach }, (_, i) => ((i + 1) * gap + chain) as InstrumentToken),
  }));
}

function attachmentOf(
  subscriptions: Uint8Array,
  bearer = BEARER,
  chains = packChains(mostChains(0)),
): Attachment {
  return {
    version: ATTACHMENT_VERSION,
    dialect: 'native-json',
    connectionId: '01234567-89ab-cdef-0123-456789abcdef',
    bearer,
    // The longest text that an address has: IPv6 with an IPv4 tail.
    address: '1234:5678:9abc:def0:1234:5678:255.255.255.255',
    connectedAtMs: 1_764_000_000_000,
    isWarned: true,
    leaveAtMs: 1_764_000_600_000,
    subscriptions,
    bars: packBars(MOST_BARS),
    chains,
  };
}

const item = (token: number, terms: Terms): SubscriptionItem => [token as InstrumentToken, terms];

/** In every mode and at every speed, without a filter. */
const ALL_TERMS = ([1, 2, 3] as const).flatMap((rank) => SPEEDS.map((speed) => termsOf(rank, speed)));
const FILTERED = termsOf(3, 1000, true);
const anyFilter: fc.Arbitrary<RawFilter> = fc
  .record({ minChange: fc.integer({ min: 0, max: 0xffff_ffff }), onTrade: fc.boolean() })
  .filter(({ minChange, onTrade }) => minChange > 0 || onTrade);
const anyToken = fc.integer({ min: 1, max: 0xffff_ffff });
const anyItem: fc.Arbitrary<SubscriptionItem> = fc.oneof(
  fc.tuple(anyToken, fc.constantFrom(...ALL_TERMS)).map(([token, terms]) => item(token, terms)),
  fc
    .tuple(anyToken, fc.constantFrom(...ALL_TERMS), anyFilter)
    .map(
      ([token, terms, filter]): SubscriptionItem => [
        token as InstrumentToken,
        terms | (FILTERED - termsOf(3, 1000)),
        filter,
      ],
    ),
);

describe('subscriptions as bytes', () => {
  test('round trip, in whatever order they come', () => {
    const items = fc.uniqueArray(anyItem, { selector: ([token]) => token, maxLength: 100 });
    fc.assert(
      fc.property(items, (list) => {
        const sorted = [...list].sort(([a], [b]) => a - b);
        expect(unpackSubscriptions(packSubscriptions(list))).toEqual(sorted);
      }),
      { numRuns: 300 },
    );
    for (const terms of ALL_TERMS) {
      const list = [item(1, terms), item(0xffff_fffe, terms), item(0xffff_ffff, terms)];
      expect(unpackSubscriptions(packSubscriptions(list))).toEqual(list);
    }
    expect(unpackSubscriptions(new Uint8Array(0))).toEqual([]);
  });

  test('any bytes are either what was packed or nothing', () => {
    // A good list with a few bytes changed, added or cut off: random bytes alone hardly ever get past the first one.
    const bytes = fc
      .tuple(
        fc.uniqueArray(anyItem, { selector: ([token]) => token, maxLength: 6 }),
        fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 3 }),
        fc.integer({ min: -2, max: 2 }),
      )
      .map(([list, changes, longer]) => {
        const packed = [...packSubscriptions(list)];
        for (const [at, byte] of changes) if (at < packed.length) packed[at] = byte;
        if (longer < 0) return packed.slice(0, longer);
        return [...packed, ...new Array(longer).fill(0)];
      });
    let read = 0;
    fc.assert(
      fc.property(bytes, (list) => {
        const items = unpackSubscriptions(Uint8Array.from(list));
        if (!items) return;
        read++;
        expect([...packSubscriptions(items)]).toEqual(list);
      }),
      { numRuns: 5_000 },
    );
    expect(read).toBeGreaterThan(500);
    const good = [...packSubscriptions([item(5, 3), item(9, 3)])];
    const corrupted: [string, number[]][] = [
      ['a length without anything', [0, 1]],
      ['a length of zero', [0, 0, 0]],
      ['half an item', good.slice(0, -1)],
      ['a byte after the end', [...good, 0]],
      ['a differing width', good.map((byte, i) => (i === 2 ? byte ^ 0x08 : byte))],
      ['ones without end', [0, 1, 0xff, ...new Array(600).fill(0xff)]],
    ];
    for (const [name, list] of corrupted)
      expect(unpackSubscriptions(Uint8Array.from(list)), name).toBeUndefined();
    const withoutMode = packSubscriptions([item(5, 4)]);
    const withoutCondition: SubscriptionItem = [
      5 as InstrumentToken,
      FILTERED,
      { minChange: 0, onTrade: false },
    ];
    expect(unpackSubscriptions(withoutMode)).toBeUndefined();
    expect(unpackSubscriptions(packSubscriptions([withoutCondition]))).toBeUndefined();
  });

  test(`${CLIENT_FILTERS_MAX} filters are read, one more is not ours`, () => {
    const filter = { minChange: 5, onTrade: true };
    const items = Array.from(
      { length: CLIENT_FILTERS_MAX + 1 },
      (_, i): SubscriptionItem => [(i + 1) as InstrumentToken, FILTERED, filter],
    );
    expect(unpackSubscriptions(packSubscriptions(items.slice(1)))).toHaveLength(CLIENT_FILTERS_MAX);
    expect(unpackSubscriptions(packSubscriptions(items))).toBeUndefined();
  });

  test(`${CLIENT_SUBSCRIPTIONS_MAX} are read, one more is not ours`, () => {
    const items = Array.from({ length: CLIENT_SUBSCRIPTIONS_MAX + 1 }, (_, i) => item(i + 1, 3));
    expect(unpackSubscriptions(packSubscriptions(items.slice(1)))).toHaveLength(CLIENT_SUBSCRIPTIONS_MAX);
    expect(unpackSubscriptions(packSubscriptions(items))).toBeUndefined();
  });
});

describe('chains', () => {
  test('what was packed is read, and nothing else', () => {
    const items = mostChains(6);
    const packed = packChains(items);
    expect(unpackChains(deserialize(serialize(packed)))).toEqual(items);
    const [text, members] = packed[0] as (typeof packed)[number];
    const wrong: [string, unknown][] = [
      ['no list', {}],
      ['one too many', [...packed, packed[0]]],
      ['no pair', [text]],
      ['another text', [['NFO:2026-12-01', members]]],
      ['no strikes', [[text.replace(':1:', ':0:'), members]]],
      ['strikes beyond the bound', [[text.replace(':1:', ':51:'), members]]],
      ['terms without a mode', [[text.replace(`:${termsOf(3, 1000)}:`, ':4:'), members]]],
      ['members that are no bytes', [[text, [1]]]],
      ['more members than strikes', [[text, packChains(mostChains(10))[0]?.[1]]]],
    ];
    for (const [name, value] of wrong) expect(unpackChains(value), name).toBeUndefined();
  });
});

describe('bars as bytes', () => {
  test('round trip', () => {
    const items = fc.uniqueArray(fc.tuple(anyToken, fc.integer({ min: 1, max: ALL_INTERVALS })), {
      selector: ([token]) => token,
      maxLength: CLIENT_BARS_MAX / 2,
    });
    fc.assert(
      fc.property(items, (list) => {
        const bars = list.map(([token, set]): BarSubscription => [token as InstrumentToken, set]);
        expect(unpackBars(packBars(bars))).toEqual([...bars].sort(([a], [b]) => a - b));
      }),
    );
    expect(packBars(MOST_BARS).length).toBeLessThanOrEqual(710);
    expect(unpackBars(packBars(MOST_BARS))).toEqual(MOST_BARS);
  });

  test(`${CLIENT_BARS_MAX} are read, intervals counted one by one; one more is not ours, nor is none of an instrument`, () => {
    const one = (set: number): BarSubscription => [1 as InstrumentToken, set];
    expect(unpackBars(packBars([one(ALL_INTERVALS), ...MOST_BARS.slice(2)]))).toHaveLength(
      CLIENT_BARS_MAX - 1,
    );
    expect(unpackBars(packBars([one(ALL_INTERVALS), ...MOST_BARS.slice(1)]))).toBeUndefined();
    expect(unpackBars(packBars([one(1), ...MOST_BARS]))).toBeUndefined();
    expect(unpackBars(packBars([one(0)]))).toBeUndefined();
  });
});

describe(`the largest session fits ${ATTACHMENT_BYTES_MAX} bytes as the runtime serialises it`, () => {
  /** As far apart as can be, and each difference just as far above a whole quotient as costs the most. */
  function farApart(count: number): number[] {
    const gap = Math.floor(0xffff_ffff / count);
    return Array.from({ length: count }, (_, i) => 0xffff_ffff - gap * (count - 1 - i));
  }

  /** Most bits: the code's own bound for the tokens, terms, and filters. */
  const BITS_MAX =
    16 + 5 + CLIENT_SUBSCRIPTIONS_MAX * (20 + 1 + TERMS_BITS) + 2 ** 12 + CLIENT_FILTERS_MAX * 33;
  const worst = farApart(CLIENT_SUBSCRIPTIONS_MAX).map(
    (token, i): SubscriptionItem =>
      i < CLIENT_FILTERS_MAX
        ? [token as InstrumentToken, FILTERED, { minChange: 0xffff_ffff, onTrade: true }]
        : item(token, termsOf(3, 1000)),
  );

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
    expect(bytes.length).toBeLessThanOrEqual(Math.ceil(BITS_MAX / 8));
    expect(bytes.length, 'and the bound is no idle one').toBeGreaterThan(BITS_MAX / 8 - 200);
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

  test('with as many chains as may be, and the tokens that they leave room for', () => {
    const chains = mostChains(CHAIN_MEMBERS_MAX);
    const own = farApart(CLIENT_SUBSCRIPTIONS_MAX - CLIENT_CHAINS_MAX * CHAIN_MEMBERS_MAX).map(
      (token, i): SubscriptionItem =>
        i < CLIENT_FILTERS_MAX
          ? [token as InstrumentToken, FILTERED, { minChange: 0xffff_ffff, onTrade: true }]
          : item(token, termsOf(3, 1000)),
    );
    const attachment = attachmentOf(packSubscriptions(own), largestBearer(), packChains(chains));
    expect(serialize(attachment).length).toBeLessThanOrEqual(ATTACHMENT_BYTES_MAX);
    expect(unpackChains(deserialize(serialize(attachment)).chains)).toEqual(chains);
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
    const optional = new Set(['bearer', 'address', 'leaveAtMs']);
    for (const key of Object.keys(whole)) if (!optional.has(key)) others.push({ ...whole, [key]: undefined });
    others.push({ ...whole, version: ATTACHMENT_VERSION - 1 });
    others.push({ ...whole, version: ATTACHMENT_VERSION + 1 }, { ...whole, subscriptions: [1, 2] });
    others.push({ ...whole, bars: [1] }, { ...whole, chains: {} });
    others.push({ ...whole, bearer: {} }, { ...whole, bearer: { ...BEARER, userId: 5 } });
    others.push({ ...whole, bearer: { ...BEARER, permissions: 'all' } });
    others.push({ ...whole, bearer: { ...BEARER, expiresAtS: undefined } });
    others.push({ ...whole, bearer: { ...BEARER, issuedAtS: undefined } });
    for (const other of others) expect(readAttachment(other), JSON.stringify(other)).toBeUndefined();
  });
});
