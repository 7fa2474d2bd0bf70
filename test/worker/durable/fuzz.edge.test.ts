// Hostile clients through the real gateway: nothing escapes, nothing stays behind, and a good neighbour misses nothing.
import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, expect, inject, test, vi } from 'vitest';
import {
  AUTHENTICATE_MS_MAX,
  MESSAGES_PER_SECOND_MAX,
  RESUME_AGE_MS_MAX,
  SYMBOLS_UNKNOWN_MAX,
} from '../../../shared/limits.ts';
import { SHARD_COUNT, shardName, shardOf } from '../../../shared/shard.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { SeededRandom } from '../../ingest/support/seeded-random.ts';
import { TestClient } from '../../support/edge/client.ts';
import { HostileClient } from '../../support/edge/hostile-client.ts';
import { addInstruments } from '../../support/edge/instruments.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { Takeovers } from '../../support/edge/takeovers.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { HostileMessages, seedOf } from '../../support/hostile-messages.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const RELIANCE = 738561;
/** Enough that a client can meet its limit of subscriptions. */
const TOKENS = [RELIANCE, ...Array.from({ length: 3_500 }, (_, i) => (i + 3_000) * 256 + 1)];
const SYMBOLS = ['NSE:RELIANCE', 'NSE:INFY', 'NSE:M&M', 'NSE:NIFTY 50'];
const USERS = 24;
const SESSIONS_AT_A_TIME = 24;
/** All of them early: what comes after shows what stays behind. */
const EVICTIONS = 3;
const MESSAGES_PER_EVICTION = 3_000;
/** A price of the neighbour for every few sessions: it is a witness, not the load. */
const SESSIONS_PER_PRICE = 4;
const { messages: MESSAGES, seed: SEED } = inject('fuzz');
/** A message that is never answered ends the test here; several times what a slow machine takes. */
const TIMEOUT_MS = 60_000 + 4 * MESSAGES;

const gateway = () => env.CLIENT_GATEWAY.getByName('gw:apac-se:0');
const shard = (index: number) => env.INSTRUMENT_SHARD.getByName(shardName(index));

afterEach(() => vi.restoreAllMocks());

/** Has one price after another pushed, and awaits each. */
class Neighbour {
  readonly #client: TestClient;
  readonly #sidecar: TestSidecar;
  prices = 0;

  constructor(client: TestClient, sidecar: TestSidecar) {
    this.#client = client;
    this.#sidecar = sidecar;
  }

  /**
   * Asks the slowest questions there are. What others asked before, those who did not wait for the answers included, is
   * done by then: an object that is evicted with commands under way leaves their promises to nobody.
   */
  async askSlowly(token: string): Promise<void> {
    this.#client.send({ action: 'authenticate', token });
    await this.#client.next('authenticated');
    this.#client.send({ action: 'subscribe', symbols: ['NSE:NOSUCH'] });
    await this.#client.next('subscribed');
  }

  async next(): Promise<void> {
    const lastPrice = 100_000 + ++this.prices;
    // The definition each time: the real sidecar sends it again to a shard that has lost its memory.
    const definitions = [definitionOf(RELIANCE)];
    const ticks = [recordOf(RELIANCE, RECORD_KIND.full, { lastPrice, close: 100_000 })];
    await this.#sidecar.send({ definitions, ticks });
    let data = await this.#client.tick(RELIANCE);
    while (data.last_price !== lastPrice / 100) {
      // After an eviction a value may come twice; one that is older than what was there is a lie.
      expect(Math.round((data.last_price as number) * 100)).toBeGreaterThanOrEqual(lastPrice - 1);
      data = await this.#client.tick(RELIANCE);
    }
  }
}

interface Tokens {
  readonly good: readonly string[];
  readonly spoilt: readonly string[];
  readonly neighbour: string;
}

async function mintTokens(): Promise<Tokens> {
  const good = await Promise.all(
    Array.from({ length: USERS }, (_, i) => mintToken({ claims: { sub: `hostile_${i}` } })),
  );
  const [first = ''] = good;
  const expired = await mintToken({ expiresInS: -10, claims: { sub: 'hostile_0' } });
  const spoilt = [
    expired,
    first.slice(0, -4),
    `${first}x`,
    first.replace('.', '..'),
    'a.b.c',
    '',
    'x'.repeat(9_000),
  ];
  return { good, spoilt, neighbour: await mintToken({ claims: { sub: 'neighbour' } }) };
}

/** What became of all that was sent. */
class Tally {
  readonly ends = new Map<string, number>();
  sent = 0;
  carriedOut = 0;
  refused = 0;

  add(client: HostileClient, end: string): void {
    this.sent += client.sent;
    this.carriedOut += client.answers - client.refused;
    this.refused += client.refused;
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
  }
}

/** A promise, and what settles it. */
class Bell {
  readonly promise: Promise<void>;
  resolve: () => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }
}

/**
 * Where all attackers come to rest between two steps of their sessions, sockets open: an object is evicted only when
 * nothing is under way at it, by the runtime as by a test.
 */
class Rest {
  readonly #attackers: number;
  #resting = 0;
  #onAllResting: (() => void) | undefined;
  #end: Promise<void> | undefined;

  constructor(attackers: number) {
    this.#attackers = attackers;
  }

  /** Comes to rest if that is asked for. */
  async point(): Promise<void> {
    if (!this.#end) return;
    const end = this.#end;
    this.leave();
    await end;
    this.#resting--;
  }

  /** An attacker that has ended rests for good. */
  leave(): void {
    this.#resting++;
    if (this.#resting === this.#attackers) this.#onAllResting?.();
  }

  /** Does something while all rest. */
  async during(act: () => Promise<void>): Promise<void> {
    const { promise, resolve } = new Bell();
    this.#end = promise;
    if (this.#resting < this.#attackers) {
      await new Promise<void>((allResting) => {
        this.#onAllResting = allResting;
      });
    }
    this.#onAllResting = undefined;
    this.#end = undefined;
    await act().finally(resolve);
  }
}

interface Attack {
  readonly tokens: Tokens;
  readonly tally: Tally;
  /** Two that nobody here may use, then those that clients have had, the latest few: some were cut off. */
  readonly epochs: string[];
  readonly takeovers: Takeovers;
  readonly rest: Rest;
  /** How often the gateway or a shard has lost its memory so far, and how many sockets were open then. */
  evictions: number;
  socketsHibernated: number;
}

class HostileSession {
  readonly #attack: Attack;
  readonly #random: SeededRandom;
  readonly #messages: HostileMessages;
  readonly #token: string;

  constructor(attack: Attack, n: number) {
    this.#attack = attack;
    this.#random = new SeededRandom(seedOf(SEED, n));
    const { good, spoilt } = attack.tokens;
    this.#token = good[n % USERS] ?? '';
    this.#messages = new HostileMessages(this.#random, {
      tokens: TOKENS.slice(0, this.#random.chance(10) ? TOKENS.length : 20),
      symbols: [...SYMBOLS, 'NSE:NOSUCH'],
      jwts: [this.#token, ...good.slice(0, 2), ...spoilt],
      epochs: attack.epochs,
    });
  }

  async run(): Promise<void> {
    const way = this.#random.below(300) / 3;
    if (way < 60) await this.#whole(10 + this.#random.below(MESSAGES_PER_SECOND_MAX - 10), 'whole');
    // More than is carried out at once: the rest waits its turn.
    else if (way < 63) await this.#whole(MESSAGES_PER_SECOND_MAX + this.#random.below(20), 'paced');
    else if (way < 78) await this.#cutOff();
    else if (way < 90) await this.#abandon();
    else if (way < 99.5) await this.#withoutToken();
    else await this.#flood();
  }

  async #open(): Promise<HostileClient> {
    const client = await HostileClient.open(this.#token);
    await client.until(() => client.epoch !== undefined);
    if (client.epoch === undefined) throw new Error(`refused with ${client.closeCode}`);
    this.#attack.takeovers.watch(client);
    this.#attack.epochs.push(client.epoch);
    if (this.#attack.epochs.length > 50) this.#attack.epochs.splice(2, 1);
    return client;
  }

  #send(client: HostileClient, message: string | Uint8Array): void {
    if (client.send(message)) this.#attack.takeovers.noteSent(client, message);
  }

  #burst(client: HostileClient, count: number): void {
    for (let i = 0; i < count; i++) this.#send(client, this.#messages.next());
  }

  /** Counts the client in when no answer was of those that nobody may get. */
  #done(client: HostileClient, end: string): void {
    if (client.fault !== undefined) throw new Error(`${end}: ${client.fault}`);
    this.#attack.takeovers.end(client);
    this.#attack.tally.add(client, client.isTakenOver ? 'taken over' : end);
  }

  /** Between two steps: everything is answered, and the objects may lose their memory before what comes next. */
  async #pause(client: HostileClient): Promise<void> {
    await client.until(() => client.answers >= client.sent);
    await this.#attack.rest.point();
  }

  /** Every message is answered once, the last one last, and the set is what the acknowledgements said. */
  async #finish(client: HostileClient, end: string): Promise<void> {
    this.#send(client, '{"action":"list","id":"end"}');
    await client.until(() => client.end !== undefined);
    if (client.isTakenOver) return this.#done(client, end);
    if (!client.isOpen)
      throw new Error(`${end}: closed with ${client.closeCode}, ${JSON.stringify(client.end)}`);
    const { answers, sent, total, barsTotal } = client;
    if (answers !== sent) throw new Error(`${end}: ${sent} messages, ${answers} answers`);
    const items = client.end?.items as unknown[];
    if (items.length !== total) throw new Error(`${end}: ${items.length} subscriptions, ${total} were told`);
    const bars = (client.end?.bars ?? []) as unknown[];
    if (bars.length !== barsTotal) throw new Error(`${end}: ${bars.length} bars, ${barsTotal} were told`);
    this.#done(client, end);
    client.close(1000);
    await client.until(() => false);
  }

  async #whole(count: number, end: string): Promise<void> {
    const client = await this.#open();
    await this.#attack.rest.point();
    const first = this.#random.below(count + 1);
    this.#burst(client, first);
    await this.#pause(client);
    this.#burst(client, count - first);
    await this.#finish(client, end);
  }

  /** Cut off in the middle, and back with a position. */
  async #cutOff(): Promise<void> {
    const first = await this.#open();
    this.#burst(first, 5);
    this.#send(first, JSON.stringify({ action: 'subscribe', tokens: [RELIANCE, ...TOKENS.slice(1, 4)] }));
    const awaited = this.#random.below(6);
    await first.until(() => first.answers >= awaited);
    first.close(4_300 + this.#random.below(600));
    if (this.#random.chance(2)) await first.until(() => false);
    this.#done(first, 'cut off');
    await this.#attack.rest.point();
    const second = await this.#open();
    const resume = { epoch: first.epoch, seq: Math.max(0, first.lastSeq - this.#random.below(3)) };
    this.#send(
      second,
      JSON.stringify({ action: 'subscribe', tokens: [RELIANCE, ...TOKENS.slice(1, 4)], resume }),
    );
    this.#burst(second, this.#random.below(10));
    await this.#pause(second);
    await this.#finish(second, 'came back');
  }

  /** Gone while its messages are still on their way. */
  async #abandon(): Promise<void> {
    const client = await this.#open();
    this.#burst(client, this.#random.below(MESSAGES_PER_SECOND_MAX));
    client.close(this.#random.pick([1000, 1001, 3000, 4000, 4999]));
    await client.until(() => false);
    this.#done(client, 'abandoned');
  }

  async #withoutToken(): Promise<void> {
    const openedAtMs = Date.now();
    const client = await HostileClient.open();
    this.#burst(client, 1 + this.#random.below(MESSAGES_PER_SECOND_MAX - 1));
    await client.until(() => client.answers >= client.sent);
    // Not authenticated in time: only a machine that stood still for so long may answer so late.
    const isLate = client.closeCode === 4002 && Date.now() - openedAtMs >= AUTHENTICATE_MS_MAX;
    const isRefused = isLate || [1008, 4003].includes(client.closeCode ?? 0);
    if (!client.isOpen && !isRefused && !client.isTakenOver)
      throw new Error(`without a token: closed with ${client.closeCode}`);
    client.close(1000);
    await client.until(() => false);
    this.#done(client, isRefused ? 'refused' : 'without a token');
  }

  async #flood(): Promise<void> {
    const client = await this.#open();
    this.#burst(client, 800);
    await client.until(() => client.answers >= client.sent);
    const isCutOff = client.closeCode === 4029;
    if (!client.isOpen && !isCutOff && !client.isTakenOver)
      throw new Error(`flood: closed with ${client.closeCode}`);
    client.close(1000);
    await client.until(() => false);
    this.#done(client, isCutOff ? 'flood cut off' : 'flood');
  }
}

/** The gateway, a shard, then both lose their memory, with clients' sockets open. */
async function evictNowAndThen(attack: Attack, neighbour: Neighbour): Promise<void> {
  if (attack.evictions >= EVICTIONS) return;
  if (attack.tally.carriedOut < (attack.evictions + 1) * Math.min(MESSAGES_PER_EVICTION, MESSAGES / 5))
    return;
  const which = attack.evictions++ % 3;
  await attack.rest.during(async () => {
    await neighbour.askSlowly(attack.tokens.neighbour);
    attack.socketsHibernated += (await gateway().stats()).connections.length;
    if (which !== 0) await evictDurableObject(shard(shardOf(RELIANCE)));
    if (which !== 1) await evictDurableObject(gateway());
  });
}

/** Instruments that shards are asked for by gateways. */
async function wantedOfShards(): Promise<number> {
  const stats = await Promise.all(Array.from({ length: SHARD_COUNT }, (_, i) => shard(i).stats()));
  return stats.reduce((sum, { wanted }) => sum + wanted, 0);
}

/** What the gateway's memory is made of; what stays there for its own time is taken apart. */
async function holdings() {
  const { symbols, missed_ticks: missedTicks, ...tables } = (await gateway().stats()).holdings;
  return { symbols, missedTicks, tables };
}

async function attackAll(attack: Attack, neighbour: Neighbour): Promise<void> {
  let next = 0;
  let failure: unknown;
  let ended = 0;
  let nextEnd = new Bell();
  const isOver = () => attack.tally.carriedOut >= MESSAGES || failure !== undefined;
  const attackers = Array.from({ length: SESSIONS_AT_A_TIME }, async () => {
    while (!isOver()) {
      const n = next++;
      await new HostileSession(attack, n).run().catch((error) => {
        failure ??= `session ${n}: ${error}`;
      });
      ended++;
      nextEnd.resolve();
      nextEnd = new Bell();
    }
    attack.rest.leave();
  });
  const watch = (async () => {
    while (!isOver()) {
      const endedAtPrice = ended;
      await neighbour.next();
      await evictNowAndThen(attack, neighbour);
      while (!isOver() && ended < endedAtPrice + SESSIONS_PER_PRICE) await nextEnd.promise;
    }
  })();
  await Promise.all([...attackers, watch]);
  if (failure !== undefined) throw new Error(String(failure));
}

test(`${MESSAGES} hostile messages, FUZZ_SEED=${SEED}`, { timeout: TIMEOUT_MS }, async () => {
  // So that a question for symbols meets rows: without any, the database does not look at what it is asked.
  await addInstruments(
    SYMBOLS.flatMap((symbol, i) => {
      const [exchange = '', tradingsymbol = ''] = symbol.split(':');
      const token = TOKENS[i];
      return token === undefined ? [] : [{ ...definitionOf(token, tradingsymbol), exchange }];
    }),
  );
  const logged = vi.spyOn(console, 'error');
  const sidecar = new TestSidecar(Date.now());
  await sidecar.send({ known: TOKENS, definitions: TOKENS.slice(0, 10).map((token) => definitionOf(token)) });
  const tokens = await mintTokens();
  const client = await TestClient.connect(tokens.neighbour);
  await client.subscribe(RELIANCE);
  const neighbour = new Neighbour(client, sidecar);
  await neighbour.next();
  const before = await holdings();
  const attack: Attack = {
    tokens,
    tally: new Tally(),
    epochs: ['none', String(client.messages[0]?.epoch)],
    takeovers: new Takeovers(),
    rest: new Rest(SESSIONS_AT_A_TIME),
    evictions: 0,
    socketsHibernated: 0,
  };
  try {
    await attackAll(attack, neighbour);
    expect(attack.takeovers.unclaimed()).toEqual([]);
    expect(attack.evictions).toBe(EVICTIONS);
    await vi.waitFor(async () => expect((await gateway().stats()).connections).toHaveLength(1));
    // Those who were cut off have not come back in time.
    const realNow = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => realNow() + RESUME_AGE_MS_MAX + 1_000);
    await runDurableObjectAlarm(gateway());
    expect(await gateway().stats()).toMatchObject({ total_subscriptions: 1, tokens: [RELIANCE] });
    await vi.waitFor(async () => expect(await wantedOfShards()).toBe(1));
    await neighbour.next();
    const after = await holdings();
    expect(after.tables).toEqual(before.tables);
    // The neighbour's last price, and once more if a shard was asked for it.
    expect(after.missedTicks).toBeLessThanOrEqual(2);
    expect(after.symbols).toBeLessThanOrEqual(SYMBOLS_UNKNOWN_MAX + SYMBOLS.length);
    expect(client.messages.filter(({ type }) => type === 'error' || type === 'lag')).toEqual([]);
    expect(logged.mock.calls).toEqual([]);
  } catch (error) {
    throw new Error(`FUZZ_SEED=${SEED} FUZZ_MESSAGES=${MESSAGES}: ${error}`, { cause: error });
  }
  const { sent, carriedOut, refused, ends } = attack.tally;
  console.info(
    `seed ${SEED}: ${sent} messages sent, ${carriedOut} carried out, ${refused} refused for their rate; ` +
      `the neighbour had ${neighbour.prices} prices; ${attack.evictions} evictions with ` +
      `${attack.socketsHibernated} sockets open; ${JSON.stringify([...ends])}`,
  );
  client.socket.close(1000);
});
