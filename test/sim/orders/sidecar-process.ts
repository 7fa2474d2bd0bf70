// A process of the sidecar in the simulation: it crashes and is paused between any two steps, and is started again.

import type { Clock } from '../../../ingest/clock.ts';
import type { KiteOrder } from '../../../ingest/core/orders/kite-order.ts';
import type { WriteOutcome, WriteReply } from '../../../ingest/core/orders/outcome.ts';
import { LeaseKeeper } from '../../../ingest/lease-keeper.ts';
import type { Logger } from '../../../ingest/log.ts';
import { OrderExecutor } from '../../../ingest/orders/executor.ts';
import type {
  BookAnswer,
  ClaimAnswer,
  ClaimAsk,
  KiteOrders,
  OrderNews,
  OrderStore,
} from '../../../ingest/orders/ports.ts';
import type { LeaseHolder } from '../../../ingest/store/sidecar-lease.ts';
import { KITE_CALL_MS_MAX, SIDECAR_LEASE_ANSWER_MS_MAX } from '../../../shared/limits.ts';
import type { OrderRequest } from '../../../shared/order.ts';
import type { World } from './world.ts';

const DATABASE_MS_MAX = 5_000;

const nothing = () => undefined;
const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export class SidecarProcess {
  readonly #world: World;
  readonly holder: LeaseHolder;
  readonly name: string;
  isAlive = true;
  #isPaused = false;
  #queue: (() => void)[] = [];
  #wallJumpMs = 0;
  #keeper: LeaseKeeper;
  #executor: OrderExecutor | undefined;
  /** Accounts whose book it has read since it became the active one. */
  readonly #compared = new Set<string>();
  /**
   * Writes on their way to Kite and back, by order; of this term of the lease. What is under way of an earlier one is UNKNOWN, and is
   * followed by another only when its order shows it or is over.
   */
  #writing = new Set<string>();

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.holder = { id: name, machine: 'one', processId: 1 };
    this.#keeper = new LeaseKeeper({
      store: this.#leaseStore(),
      isHolderGone: ({ id }) => world.isGone(id),
      clock: this.#clock,
      log: silentLogger,
      onTaken: (epoch) => this.#begin(epoch),
      onLost: () => this.#end(),
    });
    this.#keeper.start();
  }

  get isActive(): boolean {
    return this.isAlive && this.#executor !== undefined;
  }

  jumpClock(ms: number): void {
    this.#wallJumpMs += ms;
  }

  /** Something from outside: news, a wake-up. Nothing of it waits for a process that is dead. */
  tell(what: (executor: OrderExecutor) => void): void {
    this.#in(() => {
      if (this.#executor) what(this.#executor);
    });
  }

  crash(): void {
    if (!this.isAlive) return;
    this.#world.trace(() => `${this.name} crashes`);
    this.isAlive = false;
    this.#queue = [];
    this.#world.onCrash(this);
  }

  #pause(forMs: number): void {
    const { time } = this.#world;
    this.#world.trace(() => `${this.name} is paused for ${forMs} ms`);
    this.#isPaused = true;
    time.at(forMs, () => {
      if (!this.isAlive) return;
      this.#world.trace(() => `${this.name} goes on`);
      this.#isPaused = false;
      const queue = this.#queue;
      this.#queue = [];
      for (const run of queue) this.#run(run);
      time.isTouched = true;
    });
  }

  /** A place where the process may be stopped, for a while or for good. */
  #step(): void {
    if (!this.isAlive || this.#isPaused) return;
    const { time, faults } = this.#world;
    if (time.chance(faults.crash)) this.crash();
    else if (time.chance(faults.pause)) this.#pause(time.between(1, faults.pauseMsMax));
  }

  #run(run: () => void): void {
    if (!this.isAlive) return;
    if (this.#isPaused) this.#queue.push(run);
    else run();
  }

  /** Something comes in. */
  #in(run: () => void): void {
    this.#step();
    this.#run(() => {
      this.#world.time.isTouched = true;
      run();
    });
  }

  /** Something goes out, which may be answered. */
  #call<T>(execute: (settle: { resolve(value: T): void; reject(error: Error): void }) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#step();
      this.#run(() =>
        execute({
          resolve: (value) => this.#in(() => resolve(value)),
          reject: (error) => this.#in(() => reject(error)),
        }),
      );
    });
  }

  get #clock(): Clock {
    const { time } = this.#world;
    return {
      wallMs: () => this.#world.epochMs + time.nowMs + this.#wallJumpMs,
      monotonicMs: () => time.nowMs,
      after: (delayMs, run) =>
        time.at(delayMs, () =>
          this.#run(() => {
            time.isTouched = true;
            run();
          }),
        ),
      soon: (run) => void time.at(0, () => this.#in(run)),
    };
  }

  #begin(epoch: number): void {
    this.#end();
    this.#world.trace(() => `${this.name} is active, epoch ${epoch}`);
    this.#compared.clear();
    this.#writing = new Set();
    this.#executor = new OrderExecutor({
      epoch,
      store: this.#store(epoch),
      kite: this.#kite(epoch),
      news: this.#news(),
      lease: { confirm: () => this.#world.mutant.confirm(() => this.#keeper.confirm()) },
      clock: this.#clock,
      log: { ...silentLogger, error: (message, fields) => this.#onError(message, fields) },
      random: () => this.#world.time.random.unit(),
    });
    void this.#executor.run();
  }

  #end(): void {
    this.#executor?.stop();
    this.#executor = undefined;
  }

  #onError(message: string, fields: unknown): void {
    const { error } = fields as { error: Error };
    this.#world.trace(() => `${this.name}: ${message}: ${error.message}`);
    if (error.message.startsWith('invariant broken')) this.#world.report(`${this.name}: ${error.message}`);
    if (error.name === 'TypeError') this.#world.report(`${this.name}: ${error.stack}`);
  }

  #database<T>(name: string, answerMsMax: number, transact: () => T): Promise<T> {
    const { time } = this.#world;
    return this.#call<T>(({ resolve, reject }) => {
      const latencyMs = time.chance(0.02) ? time.between(50, 1_000) : time.between(1, 4);
      time.at(latencyMs, () => {
        const isSilent = this.#world.isDatabaseAway || time.chance(this.#world.faults.databaseSilent);
        if (!isSilent) return resolve(transact());
        const fate = this.#world.isDatabaseAway ? 0 : time.between(0, 2);
        this.#world.trace(
          () => `${this.name}: database silent at ${name}, ${['nothing', 'done', 'done later'][fate]}`,
        );
        if (fate === 1) transact();
        else if (fate === 2) time.at(time.between(10, 10_000), transact);
        time.at(Math.min(answerMsMax, time.between(100, 5_000)), () =>
          reject(new Error('no answer of the database')),
        );
      });
    });
  }

  #leaseStore(): ConstructorParameters<typeof LeaseKeeper>[0]['store'] {
    const { database } = this.#world;
    const ask = <T>(transact: () => T) => this.#database('lease', SIDECAR_LEASE_ANSWER_MS_MAX, transact);
    return {
      read: () => ask(() => database.readLease()),
      take: (overEpoch, isGone) => ask(() => database.takeLease(this.holder, overEpoch, isGone)),
      renew: (epoch) => ask(() => database.renewLease(epoch)),
      release: () => Promise.resolve(),
      close: () => undefined,
    };
  }

  #store(epoch: number): OrderStore {
    const { database, mutant } = this.#world;
    const ask = <T>(name: string, transact: () => T) => this.#database(name, DATABASE_MS_MAX, transact);
    return {
      load: () => ask('load', () => mutant.load(database, epoch)),
      claim: (question) => ask('claim', () => this.#claim(question)),
      expire: (by, ageMsMax) => ask('expire', () => database.expire(by, ageMsMax)),
      commit: (by, changes, events) => ask('commit', () => database.commit(by, changes, events)),
    };
  }

  #claim(question: ClaimAsk): ClaimAnswer {
    const { database, mutant, time, faults } = this.#world;
    const answer = mutant.claim(database, question, (run) => time.at(200, run));
    if (answer.kind !== 'claimed') return answer;
    if (time.chance(faults.claimCrash)) this.crash();
    else if (!this.#isPaused && time.chance(faults.claimPause))
      this.#pause(time.between(1, faults.pauseMsMax));
    return answer;
  }

  #kite(epoch: number): KiteOrders {
    const { accounts, venue } = this.#world;
    return {
      accounts: () => accounts,
      place: (accountId, request, tag) => this.#write(epoch, accountId, tag, { kind: 'place', request }),
      modify: (accountId, request) => this.#write(epoch, accountId, null, { kind: 'modify', request }),
      cancel: (accountId, request) => this.#write(epoch, accountId, null, { kind: 'cancel', request }),
      book: (accountId) => this.#look(accountId, () => venue.book(accountId)),
      history: (accountId, orderId) =>
        this.#look(accountId, () => venue.book(accountId).filter((order) => order.orderId === orderId)),
      probe: () => this.#probe(),
    };
  }

  #write(epoch: number, accountId: string, tag: string | null, asked: OrderRequest): Promise<WriteOutcome> {
    const { time, venue, mutant } = this.#world;
    const taskId = this.#world.taskOf(tag, asked);
    const order = asked.kind === 'place' ? undefined : asked.request.order_id;
    const writing = this.#writing;
    if (order !== undefined && writing.has(order)) this.#world.report(`two writes at once on order ${order}`);
    if (order !== undefined) writing.add(order);
    this.#world.onLeaving(this.name, epoch, taskId);
    if (!this.#compared.has(accountId))
      this.#world.report(`${taskId} is sent before the book of ${accountId} was read`);
    return this.#call<WriteOutcome>(({ resolve }) => {
      const { faults } = this.#world;
      const startedAtMs = time.nowMs;
      let isOver = false;
      const end = (reply: WriteReply) => {
        if (isOver) return;
        isOver = true;
        if (order !== undefined) writing.delete(order);
        const outcome = mutant.classify(reply);
        this.#world.trace(() => `${this.name}: ${taskId} ${outcome.kind} ${JSON.stringify(reply)}`);
        resolve(outcome);
      };
      if (time.chance(faults.notConnected)) {
        time.at(time.between(1, 50), () => end({ kind: 'not_sent', problem: 'ECONNREFUSED' }));
        return;
      }
      this.#world.trace(() => `${this.name}: ${taskId} leaves for Kite`);
      const giveUp = () => end({ kind: 'lost', problem: 'no answer in time' });
      if (this.#world.isKiteAway || time.chance(faults.requestLost)) {
        if (time.chance(0.5))
          time.at(time.between(10, 500), () => end({ kind: 'lost', problem: 'ECONNRESET' }));
        else time.at(KITE_CALL_MS_MAX, giveUp);
        return;
      }
      const isLate = time.chance(faults.requestLate);
      const wayMs = isLate ? time.between(KITE_CALL_MS_MAX, KITE_CALL_MS_MAX + 5_000) : time.between(5, 150);
      if (isLate) time.at(KITE_CALL_MS_MAX, giveUp);
      time.at(wayMs, () => {
        const reply = venue.receive({ taskId, accountId, tag, asked });
        const restMs = Math.max(0, KITE_CALL_MS_MAX - (time.nowMs - startedAtMs));
        if (reply !== 'lost') time.at(time.between(5, 150), () => end(reply));
        else if (time.chance(0.5))
          time.at(time.between(5, 500), () => end({ kind: 'lost', problem: 'ECONNRESET' }));
        else time.at(restMs, giveUp);
      });
    });
  }

  #look(accountId: string, read: () => readonly KiteOrder[]): Promise<BookAnswer> {
    const { time, faults } = this.#world;
    return this.#call<BookAnswer>(({ resolve }) => {
      if (this.#world.isKiteAway || time.chance(faults.bookFails)) {
        time.at(time.chance(0.7) ? 50 : KITE_CALL_MS_MAX, () =>
          resolve({ kind: 'failed', problem: 'status 502' }),
        );
        return;
      }
      time.at(time.between(5, 150), () => {
        const book = this.#world.mutant.look(this.#world.garble(read()));
        this.#world.onBookRead(accountId);
        this.#compared.add(accountId);
        time.at(time.between(5, 300), () => resolve({ kind: 'orders', ...book }));
      });
    });
  }

  #probe(): Promise<boolean> {
    const { time, faults } = this.#world;
    return this.#call<boolean>(({ resolve }) => {
      const isUp = !this.#world.isKiteAway && !time.chance(faults.bookFails);
      time.at(time.between(10, 300), () => resolve(isUp));
    });
  }

  #news(): OrderNews {
    let lastSeq = 0;
    return {
      onEvents: (events) => {
        for (const { seq } of events) {
          if (seq <= lastSeq) this.#world.report(`${this.name}: event ${seq} told after ${lastSeq}`);
          lastSeq = seq;
        }
      },
      onAlarm: (taskId, reason) => this.#world.onAlarm(taskId, reason),
    };
  }
}
