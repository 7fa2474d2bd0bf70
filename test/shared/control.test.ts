// The control link's messages: what one side writes the other reads, and nothing else is taken for a message.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ControlMessage, encodeControl, parseControl, signedEpoch } from '../../shared/control.ts';
import { ERRORS, type ErrorCode } from '../../shared/errors.ts';

const text = fc.string({ minLength: 1 });
/** As JSON gives it back. */
const payload = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const message: fc.Arbitrary<ControlMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('request' as const),
    id: text,
    name: text,
    deadline_ms: fc.integer({ min: 1, max: 60_000 }),
    payload,
  }),
  fc.record({ kind: fc.constant('reply' as const), id: text, ok: fc.constant(true as const), payload }),
  fc.record({
    kind: fc.constant('reply' as const),
    id: text,
    ok: fc.constant(false as const),
    code: fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[])),
    message: fc.string(),
  }),
  fc.record({ kind: fc.constant('wake_up' as const), name: text }),
  fc.record({ kind: fc.constant('notice' as const), name: text, payload }),
);

test('what is written is read', () => {
  fc.assert(
    fc.property(message, (sent) => {
      expect(parseControl(encodeControl(sent))).toEqual(sent);
    }),
  );
});

test('whatever comes, it is a whole message or none, and never an exception', () => {
  const anything = fc.oneof(fc.string(), fc.json(), message.map(encodeControl));
  fc.assert(
    fc.property(anything, fc.nat(), fc.string({ maxLength: 3 }), (whole, cut, junk) => {
      const at = cut % (whole.length + 1);
      const parsed = parseControl(whole.slice(0, at) + junk + whole.slice(at));
      if (parsed) expect(parseControl(encodeControl(parsed))).toEqual(parsed);
    }),
  );
});

describe('not a message', () => {
  test.each([
    ['the answer to a ping', 'pong'],
    ['nothing', 'null'],
    ['a list', '[]'],
    ['another kind', '{"kind":"event","name":"a"}'],
    ['a request without an id', '{"kind":"request","name":"a","deadline_ms":1}'],
    ['a request without a name', '{"kind":"request","id":"1","deadline_ms":1}'],
    ['a request without time', '{"kind":"request","id":"1","name":"a","deadline_ms":0}'],
    ['a reply without a verdict', '{"kind":"reply","id":"1","payload":1}'],
    ['a refusal without a code', '{"kind":"reply","id":"1","ok":false,"message":"no"}'],
    ['a wake-up without a name', '{"kind":"wake_up"}'],
    ['a notice without a name', '{"kind":"notice","payload":1}'],
    ['an id that is a number', '{"kind":"reply","id":1,"ok":true}'],
  ])('%s', (_, sent) => expect(parseControl(sent)).toBeUndefined());
});

test('a code of another version is a fault of the other side', () => {
  const refused = '{"kind":"reply","id":"1","ok":false,"code":"tea_time","message":"later"}';
  expect(parseControl(refused)).toEqual({
    kind: 'reply',
    id: '1',
    ok: false,
    code: 'internal',
    message: 'later',
  });
  expect(parseControl(refused.replace('tea_time', 'constructor'))).toMatchObject({ code: 'internal' });
});

test('what is signed of a dial is its epoch in digits', () => {
  expect(new TextDecoder().decode(signedEpoch(1_764_000_000_000))).toBe('1764000000000');
});
