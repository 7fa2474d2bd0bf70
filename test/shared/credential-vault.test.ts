// Envelopes: what goes in comes out at its own place only, and nothing else ever opens.
import { randomBytes as nodeRandomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CredentialVault,
  EnvelopeError,
  type EnvelopePlace,
  keyIdOf,
  parseKeyRing,
} from '../../shared/credential-vault.ts';
import { GOLDEN_ENVELOPE, GOLDEN_PLACE, GOLDEN_RING, GOLDEN_SECRET } from '../support/golden-envelope.ts';

const HEX_1 = '11'.repeat(32);
const HEX_2 = '22'.repeat(32);
const SECRET: EnvelopePlace = { accountId: 'main', column: 'api_secret' };

const vaultOf = (keys: string) =>
  new CredentialVault(parseKeyRing(keys), {
    subtle: crypto.subtle,
    randomBytes: (count) => Uint8Array.from(nodeRandomBytes(count)),
  });

async function faultOf(opening: Promise<string>): Promise<string> {
  const error = await opening.then(
    (text) => new Error(`opened: ${text}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof EnvelopeError)) throw error;
  return error.fault;
}

test('any text comes back, and no two envelopes are alike', async () => {
  const vault = vaultOf(`k1:${HEX_1}`);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
      const [one, two] = [await vault.seal(text, SECRET), await vault.seal(text, SECRET)];
      expect(one).not.toBe(two);
      expect([keyIdOf(one), await vault.open(one, SECRET), await vault.open(two, SECRET)]).toEqual([
        'k1',
        text,
        text,
      ]);
    }),
    { numRuns: 200 },
  );
});

test('an envelope of another process, and of another version of this code, opens', async () => {
  expect(await vaultOf(GOLDEN_RING).open(GOLDEN_ENVELOPE, GOLDEN_PLACE)).toBe(GOLDEN_SECRET);
});

describe('an envelope stays shut', () => {
  test.each<[string, EnvelopePlace]>([
    ["in another account's row", { accountId: 'other', column: 'api_secret' }],
    ['in another column', { accountId: 'main', column: 'access_token' }],
  ])('%s', async (_, place) => {
    const vault = vaultOf(`k1:${HEX_1}`);
    expect(await faultOf(vault.open(await vault.seal('s', SECRET), place))).toBe('refused');
  });

  test('when any part of it is altered', async () => {
    const vault = vaultOf(`k1:${HEX_1},k2:${HEX_2}`);
    const envelope = await vault.seal('an api secret of thirty-two chars', SECRET);
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: envelope.length - 1 }),
        fc.constantFrom(...'0123456789abcdefk.'),
        async (at, char) => {
          fc.pre(envelope[at] !== char);
          const altered = envelope.slice(0, at) + char + envelope.slice(at + 1);
          expect(await faultOf(vault.open(altered, SECRET))).toMatch(/malformed|unknown_key|refused/);
        },
      ),
      { numRuns: 500 },
    );
  });

  test.each([
    ['nothing', ''],
    ['a plain secret', 'qwertyuiopasdfgh'],
    ['a later version', `v2.k1.${'0'.repeat(24)}.${'0'.repeat(64)}`],
    ['no room for its tag', `v1.k1.${'0'.repeat(24)}.${'0'.repeat(30)}`],
    ['odd hex', `v1.k1.${'0'.repeat(24)}.${'0'.repeat(65)}`],
    ['more behind it', `v1.k1.${'0'.repeat(24)}.${'0'.repeat(64)}.0`],
  ])('that is %s', async (_, envelope) => {
    expect(await faultOf(vaultOf(`k1:${HEX_1}`).open(envelope, SECRET))).toBe('malformed');
  });

  test('without its key, and with another key under the same id; neither is shown', async () => {
    const envelope = await vaultOf(`old:${HEX_1}`).seal('the secret itself', SECRET);
    expect(await faultOf(vaultOf(`new:${HEX_1}`).open(envelope, SECRET))).toBe('unknown_key');
    const opening = vaultOf(`old:${HEX_2}`).open(envelope, SECRET);
    await expect(opening).rejects.toThrow(/^api_secret of account main does not open with key old: /);
    await expect(opening).rejects.not.toThrow(/secret itself|2222|1111/);
  });
});

test('with several keys the first seals and all open', async () => {
  const old = await vaultOf(`k1:${HEX_1}`).seal('s', SECRET);
  const vault = vaultOf(`k2:${HEX_2}, k1:${HEX_1}`);
  expect(await vault.open(old, SECRET)).toBe('s');
  expect(keyIdOf(await vault.seal('s', SECRET))).toBe('k2');
});

test.each([
  ['', /^key 1 is not id:<64 hex digits>$/],
  ['k1', /^key 1 is not/],
  [`k1:${HEX_1.slice(2)}`, /^key 1 is not/],
  [`k 1:${HEX_1}`, /^key 1 is not/],
  [`k1:${HEX_1},`, /^key 2 is not/],
  [`k1:${HEX_1},k1:${HEX_2}`, /^key 2: the id k1 occurs twice$/],
])('a ring of %j is refused without being repeated', (text, message) => {
  expect(() => parseKeyRing(text)).toThrow(message);
  expect(() => parseKeyRing(text)).not.toThrow(/1111|2222/);
});
