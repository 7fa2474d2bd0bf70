// Shards, gateways and clients under chaos: whatever is lost, late or forgotten, every subscriber ends with the newest
// values of exactly what it is subscribed to, and never sees a price go backwards or under another contract's name.
import { expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import type { ModeRank } from '../../../shared/tick.ts';
import { SPEEDS, type Speed, type SubscribeItem } from '../../../worker/core/protocol.ts';
import { rankOfTerms } from '../../../worker/core/terms.ts';
import { definitionOf } from '../../support/records.ts';
import { Client, Gateway, Network, Shard, seededRandom, type Tick } from './edge-double.ts';
import { SidecarDouble, tickOf, tokensOfShard } from './sidecar-double.ts';

const SHARDS = [1, 6];
const TOKENS_PER_SHARD = 4;
const GATEWAYS = ['gw-1', 'gw-2'];
const CLIENTS_PER_GATEWAY = 3;
const STEPS = 250;
const SEEDS = 1_100;
/** Later ones that once failed, as long as the model is what it was: answers and pushes that overtake a strike. */
const SEEDS_THAT_FAILED = [1_809, 1_831, 2_274, 3_626, 16_095, 19_362, 23_106];
/** Prices of one contract lie in one block: a price shows whose it is. */
const CONTRACT_PRICES = 1_000_000;

/** The sidecar's side of one shard: contracts and prices, posted reliably; what a new memory lacks is sent again. */
class Market {
  readonly tokens: readonly InstrumentToken[];
  readonly #shard: Shard;
  readonly #sidecar: SidecarDouble;
  readonly #contracts = new Map<InstrumentToken, number>();
  readonly prices = new Map<InstrumentToken, number>();
  readonly known: Set<InstrumentToken>;
  #boot = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#sidecar = new SidecarDouble(shard.index);
    this.tokens = tokensOfShard(shard.index, TOKENS_PER_SHARD);
    this.known = new Set(this.tokens);
    for (const token of this.tokens) this.#contracts.set(token, 1);
  }

  symbolOf(token: InstrumentToken): string {
    return `T${token}.${this.#contracts.get(token)}`;
  }

  #post(tokens: readonly InstrumentToken[], isComplete: boolean): void {
    const { book } = this.#shard;
    const quoted = tokens.filter((token) => this.prices.has(token));
    const result = this.#sidecar.post(book, {
      ticks: quoted.map((token) => tickOf(token, this.prices.get(token) as number)),
      definitions: isComplete
        ? [...this.known].map((token) => definitionOf(token, this.symbolOf(token)))
        : [],
      ...(isComplete ? { knownTokens: [...this.known] } : {}),
    });
    expect(result.kind).toBe('applied');
    if (book.boot !== this.#boot) {
      this.#boot = book.boot;
      this.#post([...this.known], true);
    }
    this.#shard.pushAll();
  }

  tick(token: InstrumentToken): void {
    if (!this.known.has(token)) return;
    const price = this.prices.get(token) ?? (this.#contracts.get(token) as number) * CONTRACT_PRICES;
    this.prices.set(token, price + 1);
    this.#post([token], false);
  }

  heartbeat(): void {
    this.#post([], false);
  }

  /** The contract expires; its token is not in the list. */
  expire(token: InstrumentToken): void {
    this.known.delete(token);
    this.prices.delete(token);
    this.#post([], true);
  }

  /** The token is given to a new contract. */
  list(token: InstrumentToken): void {
    if (this.known.has(token)) return;
    this.known.add(token);
    this.#contracts.set(token, (this.#contracts.get(token) as number) + 1);
    this.#post([], true);
  }
}

class World {
  readonly network: Network;
  readonly random: () => number;
  readonly shards = new Map<number, Shard>();
  readonly gateways = new Map<string, Gateway>();
  readonly markets: readonly Market[];
  readonly tokens: readonly InstrumentToken[];
  /** One instrument of each shard that a client of every gateway is always subscribed to. */
  readonly canaries: readonly InstrumentToken[];
  #clientsMade = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.network = new Network(this.random);
    for (const index of SHARDS) this.shards.set(index, new Shard(index, this.network, this.gateways));
    for (const name of GATEWAYS) this.gateways.set(name, new Gateway(name, this.network, this.shards));
    this.markets = [...this.shards.values()].map((shard) => new Market(shard));
    this.tokens = this.markets.flatMap(({ tokens }) => tokens);
    this.canaries = this.markets.map(({ tokens }) => tokens[0] as InstrumentToken);
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T;
  }

  client(gateway: Gateway): Client {
    const client = new Client(
      `${gateway.name}/${this.#clientsMade}`,
      this.#clientsMade++ % 2 === 1,
      (to, tick) => this.#check(to, tick),
    );
    gateway.open(client);
    return client;
  }

  #check(client: Client, { token, symbol, price, rank, seq }: Tick): void {
    const terms = client.subscribed.get(token) ?? 0;
    expect(terms, `${client.name} got ${symbol} and is not subscribed`).toBeGreaterThan(0);
    const asked = rankOfTerms(terms);
    // Binary rows tell what they hold, which for a moment may be less than what has just been asked for.
    const held = client.isBinary ? Math.min(rank, asked) : asked;
    expect(rank, `mode of ${symbol} at ${client.name}`).toBe(held);
    expect(seq, `${client.name} got ${symbol} of an earlier flush`).toBeGreaterThanOrEqual(client.lastSeq);
    const contract = Math.floor(price / CONTRACT_PRICES);
    expect(symbol, `${client.name} got ${price} as ${symbol}`).toBe(`T${token}.${contract}`);
    const before = client.last.get(token)?.price ?? 0;
    expect(price, `${client.name} got ${symbol} at ${price} after ${before}`).toBeGreaterThanOrEqual(before);
  }

  subscribe(gateway: Gateway, client: Client, items: readonly SubscribeItem[]): void {
    const { life } = gateway;
    life.command(client, () => life.subscribe(client, items));
  }

  /** Each item in a mode and at a speed of its own. */
  #anyItems(tokens: readonly InstrumentToken[]): SubscribeItem[] {
    return tokens.map((token) => {
      return { token, rank: this.pick<ModeRank>([1, 2, 3]), speed: this.pick<Speed>(SPEEDS) };
    });
  }

  /** The client that nothing happens to: in the end its gateway hears of every shard, and mends what is out of step. */
  async openCanaries(): Promise<void> {
    for (const gateway of this.gateways.values()) {
      const items = this.canaries.map((token): SubscribeItem => ({ token, rank: 3, speed: 'rt' }));
      this.subscribe(gateway, this.client(gateway), items);
      for (let i = 1; i < CLIENTS_PER_GATEWAY; i++) this.client(gateway);
    }
    for (const market of this.markets) market.heartbeat();
    await this.network.drain();
  }

  act(): void {
    const gateway = this.pick([...this.gateways.values()]);
    const client = this.pick([...gateway.clients].slice(1));
    const tokens = this.tokens.filter(() => this.random() < 0.3);
    const market = this.pick(this.markets);
    const chance = this.random();
    if (chance < 0.45) market.tick(this.pick(market.tokens));
    else if (chance < 0.62) this.subscribe(gateway, client, this.#anyItems(tokens));
    else if (chance < 0.78) {
      const { life } = gateway;
      life.command(client, () => life.unsubscribe(client, tokens));
    } else if (chance < 0.84) {
      gateway.close(client);
      this.client(gateway);
    } else if (chance < 0.88) gateway.reset();
    else if (chance < 0.92) this.pick([...this.shards.values()]).reset();
    else if (chance < 0.93) market.heartbeat();
    else if (chance < 0.94) {
      const { life } = gateway;
      life.command(client, () => life.restart(client));
    } else if (chance < 0.97) client.isFull = !client.isFull;
    else {
      const token = this.pick(market.tokens.slice(1));
      if (market.known.has(token)) market.expire(token);
      else market.list(token);
    }
  }

  /** Nothing is lost any more and nothing new is asked for; only the canaries tick. */
  async calmDown(): Promise<void> {
    this.network.lossRate = 0;
    for (const { clients } of this.gateways.values()) for (const client of clients) client.isFull = false;
    await this.network.drain();
    for (let round = 0; round < 4; round++) {
      for (const market of this.markets) market.tick(market.tokens[0] as InstrumentToken);
      await this.network.drain();
    }
  }

  checkEnd(): void {
    for (const gateway of this.gateways.values()) {
      for (const client of gateway.clients) {
        const session = gateway.life.sessionOf(client) as number;
        const items = gateway.life.book.subscriptionsOf(session);
        const held = new Map(items.map(([token, terms]) => [token, terms]));
        expect(held, `subscriptions of ${client.name}`).toEqual(client.subscribed);
        for (const market of this.markets) this.#checkValues(client, market);
      }
      for (const shard of this.shards.values()) {
        const wanted = gateway.life.book.interestOf(shard.index).sort();
        expect(shard.book.interestOf(gateway.name).sort(), `interest of ${gateway.name}`).toEqual(wanted);
      }
    }
  }

  #checkValues(client: Client, market: Market): void {
    for (const token of market.tokens) {
      if (!client.subscribed.has(token)) continue;
      expect(market.known.has(token), `${client.name} keeps ${token}, which does not exist`).toBe(true);
      const price = market.prices.get(token);
      if (price === undefined) continue;
      const expected = { token, symbol: market.symbolOf(token), price };
      expect(client.last.get(token), `last of ${token} at ${client.name}`).toMatchObject(expected);
    }
  }
}

async function run(seed: number): Promise<void> {
  const world = new World(seed);
  await world.openCanaries();
  world.network.lossRate = seed % 3 === 0 ? 0 : 0.1;
  for (let step = 0; step < STEPS; step++) {
    if (world.random() < 0.4) world.act();
    else await world.network.step();
  }
  await world.calmDown();
  world.checkEnd();
}

test(`${SEEDS} seeded worlds converge`, { timeout: 60_000 }, async () => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1);
  for (const seed of [...seeds, ...SEEDS_THAT_FAILED]) {
    try {
      await run(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
});
