// Hostile clients of Kite's protocol through the real gateway: none of them is answered but in Kite's words, none is closed,
// nothing stays behind, and each is served the moment it says something that Kite would understand.
import { env } from 'cloudflare:workers';
import { expect, inject, test, vi } from 'vitest';
import { MESSAGES_PER_SECOND_MAX } from '../../../shared/limits.ts';
import { AT, RECORD_KIND } from '../../../shared/tick.ts';
import { SeededRandom } from '../../ingest/support/seeded-random.ts';
import { KiteClient } from '../../support/edge/kite-client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { HostileMessages, seedOf } from '../../support/hostile-messages.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const RELIANCE = 738_561;
const TOKENS = [RELIANCE, ...Array.from({ length: 20 }, (_, i) => (i + 7_000) * 256 + 1)];
const SESSIONS = 150;
/** As many as are carried out at once, but for the one that has to be understood. */
const MESSAGES = MESSAGES_PER_SECOND_MAX - 1;
const { seed: SEED } = inject('fuzz');

/** Nearly what Kite's clients say, beside what ours and nobody's do. */
function messageOf(random: SeededRandom, others: HostileMessages): string | Uint8Array {
  if (random.chance(3)) return others.next();
  const odd = ['738561', null, {}, [RELIANCE], -1, 0.5, 2 ** 32, 0, true];
  const values = Array.from({ length: random.below(6) }, () =>
    random.chance(2) ? random.pick(odd) : random.pick(TOKENS),
  );
  const mode = random.pick<unknown>(['ltp', 'quote', 'full', 'depth', 5, null]);
  const a = random.pick<unknown>(['subscribe', 'unsubscribe', 'mode', 'order', '__proto__', 7]);
  const v = random.pick<unknown>([values, [mode, values], [mode], { length: 3 }, 'full']);
  const text = JSON.stringify({ a, v });
  return random.chance(8) ? text.slice(0, random.below(text.length)) : text;
}

async function attack(n: number): Promise<void> {
  const random = new SeededRandom(seedOf(SEED, n));
  const others = new HostileMessages(random, { tokens: TOKENS, symbols: [], jwts: [], epochs: ['none'] });
  const client = await KiteClient.connect(await mintToken({ claims: { sub: `kite_hostile_${n % 20}` } }));
  for (let i = 0; i < MESSAGES; i++) client.socket.send(messageOf(random, others));
  client.send({ a: 'mode', v: ['full', [RELIANCE]] });
  await client.until(() =>
    client.packets.some(({ length, record }) => length === 184 && record[0] === RELIANCE),
  );
  // The runtime answers our own protocol's exact ping for every socket of an object.
  const words = client.texts.filter(({ type }) => type !== 'pong');
  for (const { type, data } of words) expect([type, typeof data]).toEqual(['error', 'string']);
  for (const { record } of client.packets) expect(TOKENS).toContain(record[AT.token / 4]);
  client.socket.close(1000);
  await client.closed;
}

test(`${SESSIONS * MESSAGES} messages, FUZZ_SEED=${SEED}`, { timeout: 60_000 }, async () => {
  const logged = vi.spyOn(console, 'error');
  const sidecar = new TestSidecar(Date.now());
  const ticks = TOKENS.map((token) => recordOf(token, RECORD_KIND.full, { lastPrice: 100, close: 90 }));
  await sidecar.send({ known: TOKENS, definitions: TOKENS.map((token) => definitionOf(token)), ticks });
  for (let n = 0; n < SESSIONS; n += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, i) => attack(n + i)));
  }
  const stats = () => env.CLIENT_GATEWAY.getByName('gw:apac-se:0').stats();
  await vi.waitFor(async () => expect((await stats()).connections).toEqual([]));
  expect(logged.mock.calls).toEqual([]);
});
