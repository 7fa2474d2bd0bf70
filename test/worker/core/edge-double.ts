// The edge around the two books, for model tests: a seeded network that delays, loses and fails calls, shards and
// gateways that lose their memory, and clients that remember what they were told. The calls are those of the objects.
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { CLIENT_BACKLOG_BYTES_MAX } from '../../../shared/limits.ts';
import { AT, type ModeRank, rankOfMode, readTick } from '../../../shared/tick.ts';
import { FrameReader } from '../../../shared/wire/frame-reader.ts';
import { scaleOf } from '../../../shared/wire/scale.ts';
import { packSubscriptions, unpackSubscriptions } from '../../../worker/core/attachment.ts';
import { type Expulsion, GatewayBook, type InterestChange } from '../../../worker/core/gateway-book.ts';
import { Outlet } from '../../../worker/core/outlet.ts';
import type { SubscribeItem } from '../../../worker/core/protocol.ts';
import type { Frame, TickOutput } from '../../../worker/core/row-format.ts';
import { type InterestItem, ShardBook, type ShardPush } from '../../../worker/core/shard-book.ts';
import { type Terms, termsOf } from '../../../worker/core/terms.ts';
import { nativeBinary } from '../../../worker/dialects/native-binary.ts';
import { rowLineOf } from '../../../worker/dialects/native-json/row-line.ts';

const RESYNC_ATTEMPTS = 3;
const REGISTER_ATTEMPTS = 3;
const PUSH_RETRIES = 2;

/** Small seeded generator (mulberry32): a printed seed repeats a run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lets every promise that can go on do so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Milliseconds that pass at most while one event happens; less than a flush window, so that changes meet one. */
const STEP_MS_MAX = 6;
/** How often time passes to the next timer although there are events that could happen before it. */
const TIMER_RATE = 0.05;

/** Events on their way. Those of one channel keep their order, all others happen in any order; timers never early. */
export class Network {
  readonly random: () => number;
  nowMs = 1_764_000_000_000;
  /** Of requests, answers and pushes: how many are lost. */
  lossRate = 0;
  #waiting: { readonly channel: string | undefined; readonly happen: () => void }[] = [];
  #timers: { readonly atMs: number; readonly happen: () => void }[] = [];

  constructor(random: () => number) {
    this.random = random;
  }

  get isQuiet(): boolean {
    return this.#waiting.length === 0 && this.#timers.length === 0;
  }

  /** Has `happen` be called at some time from `atMs` on. */
  addTimer(atMs: number, happen: () => void): void {
    this.#timers.push({ atMs, happen });
  }

  add(channel: string | undefined, happen: () => void): void {
    this.#waiting.push({ channel, happen });
  }

  isLost(): boolean {
    return this.random() < this.lossRate;
  }

  #passTime(): void {
    this.nowMs += Math.floor(this.random() * STEP_MS_MAX);
    if (this.#timers.length === 0) return;
    if (this.#waiting.length === 0 || this.random() < TIMER_RATE) {
      this.nowMs = Math.max(this.nowMs, Math.min(...this.#timers.map(({ atMs }) => atMs)));
    }
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.nowMs);
    for (const { happen } of due) this.add(undefined, happen);
  }

  /** One event happens: any, unless an earlier one of its channel waits. */
  async step(): Promise<void> {
    this.#passTime();
    const picked = this.#waiting[Math.floor(this.random() * this.#waiting.length)];
    if (picked) {
      const event = this.#waiting.find(
        (e) => e === picked || (picked.channel && e.channel === picked.channel),
      );
      this.#waiting = this.#waiting.filter((e) => e !== event);
      event?.happen();
    }
    await settled();
  }

  async drain(): Promise<void> {
    await settled();
    while (!this.isQuiet) await this.step();
  }

  /** A call and its answer. Lost requests never run; lost answers have run: the caller cannot tell them apart. */
  call<T>(channel: string, run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.add(channel, () => {
        if (this.isLost()) return reject(new Error('request lost'));
        const answer = run();
        this.add(undefined, () => (this.isLost() ? reject(new Error('answer lost')) : resolve(answer)));
      });
    });
  }

  pause(): Promise<void> {
    return new Promise((resolve) => this.add(undefined, resolve));
  }
}

export class Shard {
  readonly index: number;
  book: ShardBook;
  readonly #network: Network;
  readonly #gateways: ReadonlyMap<string, Gateway>;
  #boot = 1;
  /** Interest survives a reset, as in the object's storage. */
  readonly #stored = new Map<string, readonly InterestItem[]>();
  #pushing = new Set<string>();

  constructor(index: number, network: Network, gateways: ReadonlyMap<string, Gateway>) {
    this.index = index;
    this.#network = network;
    this.#gateways = gateways;
    this.book = new ShardBook(index, this.#boot);
  }

  change<T>(gateway: string, run: (book: ShardBook) => T): T {
    const result = run(this.book);
    this.#stored.set(gateway, this.book.interestOf(gateway));
    return result;
  }

  reset(): void {
    this.book = new ShardBook(this.index, ++this.#boot);
    this.#pushing = new Set();
    for (const [gateway, items] of this.#stored) this.book.register(gateway, items);
  }

  pushAll(): void {
    for (const name of this.book.gatewaysDue()) if (!this.#pushing.has(name)) void this.#push(name);
  }

  async #push(name: string): Promise<void> {
    const { book } = this;
    const pushing = this.#pushing;
    pushing.add(name);
    let failures = 0;
    for (let push = book.takePush(name); push; push = book.takePush(name)) {
      if (await this.#deliver(name, push)) failures = 0;
      else {
        book.returnPush(name, push);
        if (++failures > PUSH_RETRIES) break;
        await this.#network.pause();
      }
    }
    pushing.delete(name);
  }

  /** False when the push was lost, or when it only looks so: then it has arrived, or arrives later. */
  #deliver(name: string, push: ShardPush): Promise<boolean> {
    return new Promise((resolve) => {
      const arrive = () => this.#gateways.get(name)?.onPush(push);
      if (this.#network.isLost()) {
        const isLate = this.#network.random() < 0.5;
        this.#network.add(undefined, () => resolve(false));
        if (isLate) this.#network.add(undefined, arrive);
        return;
      }
      this.#network.add(undefined, () => {
        arrive();
        this.#network.add(undefined, () => resolve(!this.#network.isLost()));
      });
    });
  }
}

/** A tick as a client gets it. */
export interface Tick {
  readonly token: InstrumentToken;
  readonly symbol: string;
  readonly price: number;
  readonly rank: ModeRank;
  readonly seq: number;
}

const jsonTicks: TickOutput = {
  kind: 'messages',
  encodeTick: (view, at, rank, { tradingsymbol: symbol }, seq) =>
    JSON.stringify({
      token: view.getUint32(at + AT.token, true),
      symbol,
      price: view.getUint32(at + AT.lastPrice, true),
      rank,
      seq,
    }),
};

/** The reading end of a binary connection: what it was told of rows, and the ticks of each frame. */
class BinaryEnd {
  readonly #reader = new FrameReader();
  readonly #symbols = new Map<InstrumentToken, string>();

  learn(rows: readonly (readonly [number, InstrumentToken, number, number, string, string])[]): void {
    for (const [id, token, tick, lot, , symbol] of rows) {
      this.#reader.assign(id, token, scaleOf(tick, lot));
      this.#symbols.set(token, symbol);
    }
  }

  read(frame: Uint8Array): Tick[] {
    const count = this.#reader.read(frame);
    return Array.from(this.#reader.ids.subarray(0, count), (id) => {
      const at = this.#reader.byteOffset(id);
      const { token, lastPrice = 0, mode } = readTick(this.#reader.view, at);
      const symbol = this.#symbols.get(token) ?? '';
      return { token, symbol, price: lastPrice, rank: rankOfMode(mode), seq: this.#reader.seq };
    });
  }
}

/** A client: what it was told it is subscribed to, and the last frame of each instrument. */
export class Client {
  readonly name: string;
  readonly subscribed = new Map<InstrumentToken, Terms>();
  readonly last = new Map<InstrumentToken, Tick>();
  lastSeq = 0;
  readonly isBinary: boolean;
  readonly ticks: TickOutput;
  readonly #onTick: (client: Client, tick: Tick) => void;
  readonly #binary = new BinaryEnd();
  /** The socket's attachment: all that a gateway without memory knows of the client. */
  attachment = new Uint8Array(0);
  /** Its socket takes nothing: what comes has to wait. */
  isFull = false;

  constructor(name: string, isBinary: boolean, onTick: (client: Client, tick: Tick) => void) {
    this.name = name;
    this.isBinary = isBinary;
    this.ticks = isBinary ? nativeBinary.ticks : jsonTicks;
    this.#onTick = onTick;
  }

  receive(frame: Frame): void {
    if (typeof frame !== 'string') {
      for (const tick of this.#binary.read(frame)) this.#take(tick);
      return;
    }
    const message = JSON.parse(frame);
    if (message.rows) this.#binary.learn(message.rows);
    else this.#take(message as Tick);
  }

  #take(tick: Tick): void {
    this.#onTick(this, tick);
    this.last.set(tick.token, tick);
    this.lastSeq = tick.seq;
  }
}

/** One memory of a gateway: its book, and the calls that it has under way. It dies with the memory. */
class GatewayLife {
  isAlive = true;
  readonly book = new GatewayBook();
  readonly #name: string;
  readonly #network: Network;
  readonly #shards: ReadonlyMap<number, Shard>;
  readonly #resyncing = new Map<number, Promise<boolean>>();
  readonly #sessions = new Map<Client, number>();
  readonly #tails = new Map<Client, Promise<void>>();
  #isFlushTimed = false;
  #isSendTimed = false;
  #isDrainDue = false;

  constructor(name: string, network: Network, shards: ReadonlyMap<number, Shard>) {
    this.#name = name;
    this.#network = network;
    this.#shards = shards;
  }

  open(client: Client): void {
    const outlet = new Outlet(client.ticks, () => 'bar', {
      send: (frame) => {
        if (this.isAlive) client.receive(frame);
      },
      bufferedBytes: () => (client.isFull ? CLIENT_BACKLOG_BYTES_MAX : 0),
    });
    const session = this.book.openSession(outlet);
    this.#sessions.set(client, session);
    const items = unpackSubscriptions(client.attachment);
    if (!items) throw new Error(`attachment of ${client.name} is unreadable`);
    this.book.restore(session, items);
  }

  close(client: Client): void {
    const session = this.#sessions.get(client);
    if (session === undefined) return;
    this.#sessions.delete(client);
    void this.#tell(this.book.closeSession(session));
  }

  sessionOf(client: Client): number | undefined {
    return this.#sessions.get(client);
  }

  command(client: Client, run: () => Promise<void> | void): void {
    const tail = (this.#tails.get(client) ?? Promise.resolve()).then(() =>
      this.isAlive ? run() : undefined,
    );
    this.#tails.set(client, tail);
  }

  async subscribe(client: Client, items: readonly SubscribeItem[]): Promise<void> {
    const session = this.#sessions.get(client);
    if (session === undefined) return;
    const plan = this.book.planSubscribe(session, items);
    const refused = new Set<InstrumentToken>();
    await Promise.all(
      [...plan.contacts].map(async ([shard, contacts]) => {
        const unknown = await this.#registerWith(shard, contacts);
        for (const token of unknown ?? contacts.map(([token]) => token)) refused.add(token);
      }),
    );
    if (!this.isAlive) return;
    const isGone = this.#sessions.get(client) !== session;
    const accepted = isGone ? [] : plan.accepted.filter(({ token }) => !refused.has(token));
    this.#flush(true);
    this.book.subscribe(session, accepted);
    void this.#tell(this.book.unclaim(plan.accepted));
    if (isGone) return;
    for (const { token, rank, speed } of accepted) client.subscribed.set(token, termsOf(rank, speed));
    this.#remember(client);
    const rows = this.book.announce(
      session,
      accepted.map(({ token }) => token),
    );
    if (rows.length > 0) client.receive(JSON.stringify({ rows: rows.map(rowLineOf) }));
    this.book.holdSnapshot(session, accepted);
    this.#drain();
  }

  /** Sends what is due and comes back for the rest, as by the object's timer. */
  #flush(everything = false): void {
    const { delivery } = this.book;
    delivery.flush(this.#network.nowMs, everything, everything ? Number.POSITIVE_INFINITY : 1);
    this.#sendOn();
    if (delivery.hasWaiting) this.#drain();
    const nextAtMs = delivery.nextFlushAtMs(this.#network.nowMs);
    if (this.#isFlushTimed || nextAtMs === Number.POSITIVE_INFINITY) return;
    this.#isFlushTimed = true;
    this.#network.addTimer(nextAtMs, () => {
      this.#isFlushTimed = false;
      if (this.isAlive) this.#flush();
    });
  }

  /** Frame by frame, and anything may happen between two of them. */
  #sendOn(): void {
    const { delivery } = this.book;
    if (this.#isSendTimed || !delivery.isSending) return;
    this.#isSendTimed = true;
    this.#network.add(undefined, () => {
      this.#isSendTimed = false;
      if (!this.isAlive) return;
      delivery.sendOn(1);
      this.#sendOn();
      if (delivery.hasWaiting) this.#drain();
    });
  }

  /** Full sockets are looked at again and again, as by the object's timer. */
  #drain(): void {
    this.book.delivery.drain(this.#network.nowMs);
    if (this.#isDrainDue || !this.book.delivery.hasWaiting) return;
    this.#isDrainDue = true;
    this.#network.add(undefined, () => {
      this.#isDrainDue = false;
      if (this.isAlive) this.#drain();
    });
  }

  /** The client cannot go on with what it has. */
  restart(client: Client): void {
    const session = this.#sessions.get(client);
    if (session === undefined) return;
    this.book.restart(session);
    this.#drain();
  }

  unsubscribe(client: Client, tokens: readonly InstrumentToken[]): void {
    const session = this.#sessions.get(client);
    if (session === undefined) return;
    void this.#tell(this.book.unsubscribe(session, tokens));
    for (const token of tokens) client.subscribed.delete(token);
    this.#remember(client);
  }

  #remember(client: Client): void {
    const session = this.#sessions.get(client);
    if (session !== undefined)
      client.attachment = packSubscriptions(this.book.subscriptionsOf(session)).slice();
  }

  onPush(push: ShardPush): void {
    const verdict = this.book.links[push.shard]?.onPush(push);
    if (verdict === 'resync') void this.#resync(push.shard);
    else if (verdict === 'apply') this.#afterNews(this.book.applyPush(push));
  }

  #afterNews(expulsions: readonly Expulsion[]): void {
    for (const { session, tokens } of expulsions) {
      for (const [client, index] of this.#sessions) {
        if (index !== session) continue;
        for (const token of tokens) client.subscribed.delete(token);
        this.#remember(client);
      }
    }
    this.#flush();
  }

  async #call<T>(shard: number, run: (book: ShardBook) => T): Promise<T> {
    if (!this.isAlive) throw new Error('this memory is gone');
    const host = this.#shards.get(shard) as Shard;
    const answer = await this.#network.call(`${this.#name}>${shard}`, () => host.change(this.#name, run));
    if (!this.isAlive) throw new Error('this memory is gone');
    return answer;
  }

  async #registerWith(
    shard: number,
    items: readonly InterestItem[],
  ): Promise<readonly InstrumentToken[] | undefined> {
    const link = this.book.links[shard];
    if (!link) return undefined;
    try {
      for (let attempt = 0; attempt <= REGISTER_ATTEMPTS; attempt++) {
        if (!link.isSynced && !(await this.#resync(shard))) return undefined;
        const { syncs } = link;
        const wanted = this.book.asWanted(items);
        const snapshot = await this.#call(shard, (book) => book.register(this.#name, wanted));
        if (link.onAnswer(syncs, snapshot.boot)) {
          this.#afterNews(this.book.applySnapshot(wanted, snapshot));
          return snapshot.unknown;
        }
      }
    } catch {
      link.reset();
    }
    return undefined;
  }

  async #tell(changes: readonly InterestChange[]): Promise<void> {
    await Promise.all(
      changes.map(async ({ shard, lower, release }) => {
        try {
          await this.#call(shard, (book) => {
            book.release(this.#name, release);
            book.lower(this.#name, lower);
          });
        } catch {
          this.book.links[shard]?.reset();
        }
      }),
    );
  }

  #resync(shard: number): Promise<boolean> {
    const underWay = this.#resyncing.get(shard);
    if (underWay) return underWay;
    const call = this.#resyncNow(shard).finally(() => this.#resyncing.delete(shard));
    this.#resyncing.set(shard, call);
    return call;
  }

  async #resyncNow(shard: number): Promise<boolean> {
    const link = this.book.links[shard];
    for (let attempt = 0; link && attempt < RESYNC_ATTEMPTS; attempt++) {
      if (attempt > 0) await this.#network.pause();
      link.beginSync();
      const items = this.book.interestOf(shard);
      try {
        const snapshot = await this.#call(shard, (book) => book.resync(this.#name, items));
        const expulsions = this.book.applyResync(shard, items, snapshot);
        const later = link.finishSync(snapshot);
        for (const push of later ?? []) expulsions.push(...this.book.applyPush(push));
        this.#afterNews(expulsions);
        if (later) return true;
      } catch {
        link.reset();
      }
    }
    return false;
  }
}

export class Gateway {
  readonly name: string;
  readonly clients = new Set<Client>();
  readonly #network: Network;
  readonly #shards: ReadonlyMap<number, Shard>;
  life: GatewayLife;

  constructor(name: string, network: Network, shards: ReadonlyMap<number, Shard>) {
    this.name = name;
    this.#network = network;
    this.#shards = shards;
    this.life = new GatewayLife(name, network, shards);
  }

  open(client: Client): void {
    this.clients.add(client);
    this.life.open(client);
  }

  close(client: Client): void {
    this.clients.delete(client);
    this.life.close(client);
  }

  /** The memory is lost, the sockets are not: each comes back with what its attachment says. */
  reset(): void {
    this.life.isAlive = false;
    this.life = new GatewayLife(this.name, this.#network, this.#shards);
    for (const client of this.clients) this.life.open(client);
  }

  onPush(push: ShardPush): void {
    this.life.onPush(push);
  }
}
