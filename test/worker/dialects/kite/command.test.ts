// What Kite's clients say: taken as Kite takes it, and whatever else they say, nothing happens.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../../shared/instrument.ts';
import { CLIENT_MESSAGE_CHARS_MAX, CLIENT_SUBSCRIPTIONS_MAX } from '../../../../shared/limits.ts';
import type { ModeRank } from '../../../../shared/tick.ts';
import type { ClientCommand } from '../../../../worker/core/protocol.ts';
import { kite } from '../../../../worker/dialects/kite.ts';

const RELIANCE = 738_561 as InstrumentToken;
const NIFTY = 256_265 as InstrumentToken;

const parse = (message: unknown) => kite.parse(JSON.stringify(message));
const items = (rank: ModeRank, ...tokens: number[]) =>
  tokens.map((token) => ({ token, rank, speed: 'rt' as const }));
const subscribe = (rank: ModeRank, ...tokens: number[]) => ({
  kind: 'subscribe',
  items: items(rank, ...tokens),
  symbols: [],
  rejected: [],
});
const keeping = (command: ReturnType<typeof subscribe>) => ({
  ...command,
  items: command.items.map((item) => ({ ...item, keepsTerms: true })),
});
const IGNORED: ClientCommand = { kind: 'ignored' };

test('subscribe is quote mode, and leaves what is there as it is', () => {
  const command = parse({ a: 'subscribe', v: [RELIANCE, NIFTY] });
  expect(command).toEqual(keeping(subscribe(2, RELIANCE, NIFTY)));
});

test.each<['ltp' | 'quote' | 'full', ModeRank]>([
  ['ltp', 1],
  ['quote', 2],
  ['full', 3],
])('mode %s subscribes too', (mode, rank) => {
  expect(parse({ a: 'mode', v: [mode, [RELIANCE, NIFTY]] })).toEqual(subscribe(rank, RELIANCE, NIFTY));
});

test('unsubscribe', () => {
  const command = parse({ a: 'unsubscribe', v: [RELIANCE, RELIANCE, NIFTY, '5', -1] });
  expect(command).toEqual({ kind: 'unsubscribe', tokens: [RELIANCE, NIFTY], symbols: [], rejected: [] });
});

test('tokens that are no numbers are ignored, one by one; repeats count once', () => {
  const command = parse({ a: 'subscribe', v: ['738561', NIFTY, null, [RELIANCE], {}, true, NIFTY] });
  expect(command).toEqual(keeping(subscribe(2, NIFTY)));
  expect(parse({ a: 'mode', v: ['full', ['738561', NIFTY]] })).toEqual(subscribe(3, NIFTY));
});

test('numbers that no instrument can have are refused, the others are taken', () => {
  const command = kite.parse(`{"a":"subscribe","v":[0,-1,1.5,4294967296,1e400,${NIFTY}]}`);
  expect(command).toMatchObject({ items: items(2, NIFTY) });
  const rejected = command.kind === 'subscribe' ? command.rejected : [];
  expect(rejected.map(({ item }) => item)).toEqual([0, -1, 1.5, 2 ** 32, Number.POSITIVE_INFINITY]);
  expect(new Set(rejected.map(({ code }) => code))).toEqual(new Set(['invalid_instrument_token']));
});

test.each([
  ['no JSON', '{"a":"subscribe","v":[738561'],
  ['nothing', ''],
  ['no object', '[738561]'],
  ['null', 'null'],
  ['an unknown action', '{"a":"restart","v":[738561]}'],
  ['no action', '{"v":[738561]}'],
  ['no list', '{"a":"subscribe","v":738561}'],
  ['no list behind the mode', '{"a":"mode","v":["full",738561]}'],
  ['an unknown mode', '{"a":"mode","v":["depth",[738561]]}'],
  ['a mode without a list', '{"a":"mode","v":["full"]}'],
  ['an empty list', '{"a":"subscribe","v":[]}'],
  ['an empty mode', '{"a":"mode","v":[]}'],
  ['nothing to end', '{"a":"unsubscribe","v":["738561"]}'],
  ['our own protocol', '{"action":"subscribe","tokens":[738561]}'],
])('ignored: %s', (_, text) => {
  expect(kite.parse(text)).toEqual(IGNORED);
});

test('bytes are ignored', () => {
  expect(kite.parse(new TextEncoder().encode('{"a":"subscribe","v":[738561]}').buffer)).toEqual(IGNORED);
});

describe('bounds', () => {
  test('of more tokens than there can be, one more than there can be is looked at', () => {
    const many = Array.from({ length: CLIENT_SUBSCRIPTIONS_MAX + 500 }, (_, i) => i + 1);
    const command = parse({ a: 'subscribe', v: many });
    expect(command.kind === 'subscribe' && command.items).toHaveLength(CLIENT_SUBSCRIPTIONS_MAX + 1);
    const left = parse({ a: 'unsubscribe', v: many });
    expect(left.kind === 'unsubscribe' && left.tokens).toHaveLength(many.length);
  });

  test('a message that is too long is not read, and that is said', () => {
    const padded = (chars: number) => `{"a":"subscribe","v":[1]}`.padEnd(chars);
    expect(kite.parse(padded(CLIENT_MESSAGE_CHARS_MAX)).kind).toBe('subscribe');
    const refused = kite.parse(padded(CLIENT_MESSAGE_CHARS_MAX + 1));
    expect(refused).toMatchObject({ kind: 'refused', code: 'message_too_big' });
  });
});

/** Messages that are nearly of the protocol, and values of any kind. */
const nearlyMessages = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .record(
      {
        a: fc.oneof(fc.constantFrom('subscribe', 'unsubscribe', 'mode', '__proto__'), fc.jsonValue()),
        v: fc.oneof(
          fc.array(fc.oneof(fc.integer(), fc.double(), fc.jsonValue())),
          fc.tuple(
            fc.oneof(fc.constantFrom('ltp', 'quote', 'full'), fc.jsonValue()),
            fc.oneof(fc.array(fc.oneof(fc.nat(), fc.string(), fc.jsonValue())), fc.jsonValue()),
          ),
          fc.jsonValue(),
        ),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
);

test('any text: never an exception, and never a token that was no number', () => {
  fc.assert(
    fc.property(nearlyMessages, (text) => {
      const command = kite.parse(text);
      if (command.kind === 'ignored') return;
      const { a, v } = JSON.parse(text) as { a: string; v: unknown[] };
      const given = a === 'mode' ? (v[1] as readonly unknown[]) : v;
      const numbers = new Set(given.filter((value) => typeof value === 'number'));
      if (command.kind !== 'subscribe' && command.kind !== 'unsubscribe') throw new Error(command.kind);
      const tokens = command.kind === 'subscribe' ? command.items.map(({ token }) => token) : command.tokens;
      for (const token of tokens) {
        expect(numbers.has(token)).toBe(true);
        expect(Number.isInteger(token) && token > 0 && token <= 0xffff_ffff).toBe(true);
      }
      expect(new Set(tokens).size).toBe(tokens.length);
    }),
    { numRuns: 3_000 },
  );
});
