// One run: processes, database and Kite under one seed; what users do; and what must hold after every step and in the end.

import type { BookRows, KiteOrder, UnreadOrder } from '../../../ingest/core/orders/kite-order.ts';
import type { OrderAccount } from '../../../ingest/orders/ports.ts';
import { RandomStream } from '../../../ingest/simulator/core/random.ts';
import { ORDER_ATTEMPTS_MAX, ORDER_LOOKED_MS_MIN, ORDER_UNSENT_AGE_MS_MAX } from '../../../shared/limits.ts';
import { isOverState, type OrderRequest, type PlaceRequest } from '../../../shared/order.ts';
import { isOverLimit, KiteVenue, type WireRequest } from './kite-venue.ts';
import type { Mutant } from './mutant.ts';
import { OrderDatabase, type TaskRow } from './order-database.ts';
import { type Faults, NO_FAULTS, type Scenario, scenarioOf } from './scenario.ts';
import { SidecarProcess } from './sidecar-process.ts';
import { VirtualTime } from './virtual-time.ts';

/** By then every task of every run is over. */
const SETTLED_MS_MAX = 30 * 60_000;
/** Runs have some hundreds to some thousands: with so many something turns round in place. */
const STEPS_MAX = 100_000;
/** From learning that an outcome is unknown to having it stored, at most. */
const STORE_SLACK_MS = 10_000;
const IST_OFFSET_MS = 330 * 60_000;
const DAY_MS = 86_400_000;
const MODIFIED_PRICE_MIN = 1_000;
/** Longer than a search for an order. */
const GARBLED_MS_MAX = 300_000;
const GARBLING_SEEDS = 0x4000_0000;

export interface RunResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly steps: number;
  readonly trace: readonly string[];
  /** Places by how they ended. */
  readonly ends: ReadonlyMap<string, number>;
}

export class World {
  readonly time: VirtualTime;
  readonly mutant: Mutant;
  readonly database: OrderDatabase;
  readonly venue: KiteVenue;
  readonly accounts: readonly OrderAccount[];
  /** A Monday morning at 09:00 in India, or minutes before midnight. */
  readonly epochMs: number;
  readonly #scenario: Scenario;
  readonly #trace: string[] | undefined;
  readonly #violations: string[] = [];
  readonly #gone = new Set<string>();
  readonly #tasks = new Map<string, string>();
  readonly #wires = new Map<string, { sent: number; throttledAt: number | undefined; isTaken: boolean }>();
  /** Apart from all other chance, so that seeds which once told something still do. */
  readonly #garbling: RandomStream;
  readonly #unreadShare: number;
  #processes: SidecarProcess[] = [];
  #booksRead = 0;
  #started = 0;
  #areFaultsOver = false;
  isDatabaseAway = false;
  isKiteAway = false;

  constructor(seed: number, mutant: Mutant, isTraced: boolean) {
    this.time = new VirtualTime(seed);
    this.mutant = mutant;
    this.#garbling = new RandomStream(seed + GARBLING_SEEDS);
    this.#unreadShare = this.#garbling.unit() < 0.2 ? this.#garbling.unit() : 0;
    this.#trace = isTraced ? [] : undefined;
    this.#scenario = scenarioOf(this.time);
    const isNight = this.time.chance(0.1);
    this.epochMs = isNight ? Date.UTC(2026, 10, 23, 18, 29, 30) : Date.UTC(2026, 10, 23, 3, 30);
    const isOneUser = this.time.chance(0.5);
    this.accounts = Array.from({ length: this.#scenario.accounts }, (_, i) => ({
      accountId: `account${i}`,
      userId: isOneUser ? 'AB0001' : `AB000${i}`,
    }));
    const report = (violation: string) => this.report(violation);
    this.database = new OrderDatabase(() => this.epochMs + this.time.nowMs, report);
    this.database.isFenced = mutant.isFenced;
    const userOf = (id: string) => this.accounts.find(({ accountId }) => accountId === id)?.userId ?? id;
    this.venue = new KiteVenue(
      this.time,
      () => this.faults,
      userOf,
      () => this.#dayStartMs(),
    );
    this.#connect();
    this.trace(() => JSON.stringify(this.#scenario));
  }

  get faults(): Faults {
    return this.#areFaultsOver ? NO_FAULTS : this.#scenario.faults;
  }

  trace(line: () => string): void {
    this.#trace?.push(`${(this.time.nowMs / 1_000).toFixed(3)} ${line()}`);
  }

  report(violation: string): void {
    this.trace(() => `VIOLATION ${violation}`);
    this.#violations.push(`${(this.time.nowMs / 1_000).toFixed(3)} s: ${violation}`);
  }

  isGone(holderId: string): boolean {
    return this.#gone.has(holderId);
  }

  /** Which task a request is of: places by their tag, the others by what is particular in them. */
  taskOf(tag: string | null, asked: OrderRequest): string {
    return this.#tasks.get(tag ?? JSON.stringify(asked.request)) ?? 'nobody';
  }

  onCrash(process: SidecarProcess): void {
    this.#processes = this.#processes.filter((other) => other !== process);
    this.#gone.add(process.holder.id);
    this.time.at(this.time.between(10, this.time.chance(0.2) ? 60_000 : 3_000), () => this.#startProcess());
  }

  onBookRead(_accountId: string): void {
    this.#booksRead++;
  }

  /** A book of which some rows cannot be read, and of half of these not even the tag. */
  garble(rows: readonly KiteOrder[]): BookRows {
    const isOver = this.time.nowMs > GARBLED_MS_MAX || this.#scenario.isCalm;
    const share = isOver ? 0 : this.#unreadShare;
    const orders: KiteOrder[] = [];
    const unread: UnreadOrder[] = [];
    for (const order of rows) {
      const { orderId, tags } = order;
      if (this.#garbling.unit() >= share) orders.push(order);
      else unread.push({ orderId, tags: this.#garbling.unit() < 0.5 ? tags : null, problem: 'garbled' });
    }
    return { orders, unread };
  }

  onAlarm(taskId: string, reason: string): void {
    this.trace(() => `alarm ${taskId}: ${reason}`);
    if (reason.endsWith('is not its own')) this.report(`${taskId}: ${reason}`);
  }

  /** A write is about to leave a process that runs. */
  onLeaving(process: string, epoch: number, taskId: string): void {
    const { databaseAwayMs, faults } = this.#scenario;
    // A database that says nothing leaves the lease to its holder.
    if (databaseAwayMs.length > 0 || faults.databaseSilent > 0) return;
    if (this.database.lease?.epoch !== epoch)
      this.report(`${process} sends ${taskId}, the lease is another's`);
  }

  async run(): Promise<Omit<RunResult, 'seed'>> {
    this.#plan();
    let steps = 0;
    while (this.#violations.length === 0 && this.time.nowMs < SETTLED_MS_MAX && this.time.step()) {
      steps++;
      if (this.time.isTouched) {
        this.time.isTouched = false;
        await new Promise(setImmediate);
      }
      if (steps % 64 === 0 && this.#isSettled()) break;
      if (steps > STEPS_MAX) this.report(`${STEPS_MAX} steps, and no end`);
    }
    if (this.#violations.length === 0) this.#checkEnd();
    for (const process of [...this.#processes]) process.crash();
    const ends = new Map<string, number>();
    for (const { asked, state } of this.database.rows.values()) {
      const end = `${asked.kind} ${state}`;
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    return { violations: this.#violations, steps, trace: this.#trace ?? [], ends };
  }

  #connect(): void {
    const { venue, database } = this;
    venue.onArrival = (request) => this.#onArrival(request);
    venue.onThrottled = ({ taskId }) => {
      this.#wire(taskId).throttledAt = this.#booksRead;
    };
    venue.onDone = ({ taskId, tag }) => {
      const wire = this.#wire(taskId);
      if (wire.isTaken && tag !== null) this.report(`${taskId} is placed twice`);
      wire.isTaken = true;
      this.trace(() => `Kite takes ${taskId}`);
    };
    venue.onNews = (accountId, order) => this.#spread(accountId, order);
    database.onTransition = (row, { from, to, cause, version, epoch }) => {
      this.trace(() => `${row.id} v${version} ${from} -> ${to} (${cause}) fill ${row.filledQuantity}`);
      if (cause === 'claimed' && epoch !== this.database.lease?.epoch)
        this.report(`${row.id} is claimed unfenced`);
      if (to === 'DEAD_LETTER') this.#checkGivenUp(row, cause);
      if (to === 'SENDING' && database.isHalted(row)) this.report(`${row.id} is claimed under a halt`);
    };
  }

  /** It was tried, waited and looked for as long as it was promised. */
  #checkGivenUp(row: TaskRow, cause: string): void {
    const transitions = this.database.transitions.get(row.id) ?? [];
    const nowMs = this.epochMs + this.time.nowMs;
    const unknown = transitions.find(({ to }) => to === 'UNKNOWN' || to === 'PLACED');
    if (this.#scenario.isCalm) this.report(`${row.id} is given up (${cause}) though nothing is wrong`);
    const isThere = this.venue.orders.some(
      ({ tag, visibleAtMs }) => tag !== null && tag === row.tag && visibleAtMs <= this.time.nowMs,
    );
    if (cause === 'unknown_not_found' && isThere)
      this.report(`${row.id} is in the book, and said to be nowhere`);
    if (cause === 'too_old' && nowMs - row.createdAtMs < ORDER_UNSENT_AGE_MS_MAX)
      this.report(`${row.id} is not too old`);
    if ((cause === 'attempts_spent' || cause === 'throttled') && row.attempts < ORDER_ATTEMPTS_MAX)
      this.report(`${row.id} has attempts left`);
    const isSearched = unknown && nowMs - unknown.atMs >= ORDER_LOOKED_MS_MIN - STORE_SLACK_MS;
    const needsSearch = ['unknown_not_found', 'no_effect_seen', 'book_unreadable'].includes(cause);
    if (needsSearch && !isSearched) this.report(`${row.id} was not looked for long enough`);
  }

  #wire(taskId: string): { sent: number; throttledAt: number | undefined; isTaken: boolean } {
    const known = this.#wires.get(taskId);
    if (known) return known;
    const wire = { sent: 0, throttledAt: undefined, isTaken: false };
    this.#wires.set(taskId, wire);
    return wire;
  }

  #onArrival({ taskId, accountId, asked }: WireRequest): void {
    const wire = this.#wire(taskId);
    wire.sent++;
    const history = this.database.transitions.get(taskId) ?? [];
    const sendings = history.filter(({ to }) => to === 'SENDING').length;
    if (wire.sent > sendings)
      this.report(`${taskId} is at Kite for the ${wire.sent}. time, and was SENDING ${sendings} times`);
    if (wire.sent > 1 && wire.throttledAt === undefined)
      this.report(`${taskId} is sent again after it may have been done`);
    if (wire.throttledAt !== undefined && wire.throttledAt === this.#booksRead) {
      this.report(`${taskId} is sent again after a 429, and nobody has looked at the book`);
    }
    wire.throttledAt = undefined;
    const userId = this.venue.userOf(accountId);
    if (isOverLimit(this.venue.arrivalsMs.get(userId) ?? [], this.time.nowMs, this.#dayStartMs()))
      this.report(`${userId} is over Kite's limits`);
    if (asked.kind !== 'modify') return;
    const order = this.venue.orders.find(({ orderId }) => orderId === asked.request.order_id);
    if (order && order.modifications >= 25)
      this.report(`order ${order.orderId} is modified more than 25 times`);
  }

  /** When the day in India began that it is now, in this run's time. */
  #dayStartMs(): number {
    const nowMs = this.epochMs + this.time.nowMs + IST_OFFSET_MS;
    return this.time.nowMs - (nowMs % DAY_MS);
  }

  /** An order's news on its way to the sockets: lost, doubled, and overtaken by later news. */
  #spread(accountId: string, order: KiteOrder): void {
    const { time, faults } = this;
    for (const process of this.#processes) {
      if (!process.isActive || time.chance(faults.newsDropped)) continue;
      const copies = time.chance(faults.newsDoubled) ? 2 : 1;
      for (let i = 0; i < copies; i++) {
        time.at(time.between(1, faults.newsDelayMsMax), () =>
          process.tell((executor) => executor.onOrder(accountId, order)),
        );
      }
    }
  }

  #startProcess(): void {
    this.#started++;
    this.#processes.push(new SidecarProcess(this, `sidecar${this.#started}`));
  }

  #plan(): void {
    const { time, database } = this;
    const { sidecars, places, writes, spreadMs, faultsMs, pastMinute, pastDay, retries } = this.#scenario;
    const [first] = this.accounts as [OrderAccount];
    const past = (count: number, ageMsMin: number, ageMsMax: number) => {
      const agesMs = Array.from({ length: count }, () => time.between(ageMsMin, ageMsMax)).sort(
        (a, b) => b - a,
      );
      for (const ageMs of agesMs)
        database.past.push({ accountId: first.accountId, atMs: this.epochMs - ageMs });
      this.venue.arrivalsMs.set(first.userId, [
        ...(this.venue.arrivalsMs.get(first.userId) ?? []),
        ...agesMs.map((ageMs) => 20 - ageMs),
      ]);
    };
    past(pastDay, 3_600_000, 2 * 3_600_000);
    past(pastMinute, 12_000, 50_000);
    for (let i = 0; i < sidecars; i++) time.at(time.between(0, 500), () => this.#startProcess());
    for (let i = 0; i < places; i++) time.at(time.between(0, spreadMs), () => this.#place());
    for (let i = 0; i < writes; i++) time.at(time.between(100, spreadMs + 20_000), () => this.#change());
    for (let i = 0; i < retries; i++) time.at(time.between(0, faultsMs + 150_000), () => this.#askAgain());
    if (time.chance(0.3))
      time.at(time.between(0, faultsMs), () => this.venue.placeElsewhere(first.accountId));
    this.#planTrouble();
  }

  #planTrouble(): void {
    const { time, database } = this;
    const { faultsMs, databaseAwayMs, kiteAwayMs, clockJumps, halts } = this.#scenario;
    const between = ([fromMs, toMs]: readonly [number, number], set: (isAway: boolean) => void) => {
      time.at(fromMs, () => set(true));
      time.at(toMs, () => set(false));
    };
    for (const span of databaseAwayMs) {
      between(span, (isAway) => {
        this.isDatabaseAway = isAway;
        this.trace(() => `the database is ${isAway ? 'away' : 'back'}`);
      });
    }
    for (const span of kiteAwayMs) {
      between(span, (isAway) => {
        this.isKiteAway = isAway;
        this.trace(() => `Kite is ${isAway ? 'away' : 'back'}`);
        if (!isAway) this.#reconnectSockets();
      });
    }
    for (let i = 0; i < clockJumps; i++) {
      const jumpMs = time.pick([-3_600_000, -5_000, 5_000, 86_400_000]);
      time.at(time.between(0, faultsMs), () => {
        this.trace(() => `clocks jump by ${jumpMs} ms`);
        for (const process of this.#processes) process.jumpClock(jumpMs);
      });
    }
    for (let i = 0; i < halts; i++) {
      const scope = time.pick(['all', 'account:account0', 'requester:user:1']);
      between([time.between(0, faultsMs), faultsMs + time.between(0, 20_000)], (isHalted) => {
        this.trace(() => `halt of ${scope}: ${isHalted}`);
        if (isHalted) database.halts.set(scope, time.nowMs);
        else database.halts.delete(scope);
      });
    }
    time.at(faultsMs, () => {
      this.trace(() => 'faults are over');
      this.#areFaultsOver = true;
      this.#reconnectSockets();
    });
  }

  #reconnectSockets(): void {
    for (const process of this.#processes) {
      for (const { accountId } of this.accounts) process.tell((executor) => executor.compareBook(accountId));
    }
  }

  #wake(): void {
    if (this.time.chance(0.3)) return;
    for (const process of this.#processes) {
      this.time.at(this.time.between(1, 50), () => process.tell((executor) => executor.wake()));
    }
  }

  #place(): void {
    const { time } = this;
    const number = this.database.rows.size;
    const id = `task${String(number).padStart(3, '0')}`;
    const tag = `T${String(number).padStart(19, '0')}`;
    const request: PlaceRequest = {
      variety: 'regular',
      exchange: 'NSE',
      tradingsymbol: 'INFY',
      transaction_type: 'BUY',
      quantity: time.between(1, 20),
      product: 'MIS',
      order_type: 'LIMIT',
      price: time.between(100, 200),
      validity: 'DAY',
    };
    this.#tasks.set(tag, id);
    this.database.insert(id, time.pick(this.accounts).accountId, `user:${time.between(1, 2)}`, tag, {
      kind: 'place',
      request,
    });
    this.trace(() => `${id} is asked for`);
    this.#wake();
  }

  /** A user changes an order that is known. */
  #change(): void {
    const { time, database } = this;
    const rows = [...database.rows.values()];
    const known = rows.filter(
      ({ asked, orderId, state }) => asked.kind === 'place' && orderId !== null && !isOverState(state),
    );
    if (known.length === 0) return;
    const { orderId, accountId } = time.pick(known);
    const id = `task${String(rows.length).padStart(3, '0')}`;
    const order = { variety: 'regular', order_id: orderId as string } as const;
    const isCancel = time.chance(0.4);
    const asked: OrderRequest = isCancel
      ? { kind: 'cancel', request: { ...order, parent_order_id: id } }
      : { kind: 'modify', request: { ...order, price: MODIFIED_PRICE_MIN + ((rows.length * 389) % 1_000) } };
    this.#tasks.set(JSON.stringify(asked.request), id);
    database.insert(id, accountId, `user:${time.between(1, 2)}`, null, asked);
    this.trace(() => `${id} is asked for: ${asked.kind} ${orderId}`);
    this.#wake();
  }

  #askAgain(): void {
    const isGivenUp = ({ asked, state }: TaskRow) => asked.kind === 'place' && state === 'DEAD_LETTER';
    if ([...this.database.rows.values()].some(isGivenUp)) this.#place();
  }

  /** Whether nothing more is to come: all tasks are over, and orders of tasks that were given up have been found. */
  #isSettled(): boolean {
    const { spreadMs, faultsMs } = this.#scenario;
    if (this.time.nowMs < Math.max(faultsMs, spreadMs + 20_000)) return false;
    for (const row of this.database.rows.values()) {
      if (!isOverState(row.state)) return false;
      if (row.asked.kind === 'place' && this.#differenceOf(row) !== undefined) return false;
    }
    return true;
  }

  #differenceOf({ id, tag, state, orderId, filledQuantity }: TaskRow): string | undefined {
    const order = this.venue.orders.find((one) => one.tag === tag);
    if (!order) {
      return state === 'REJECTED' || state === 'DEAD_LETTER'
        ? undefined
        : `${id} is ${state}, and Kite has no order`;
    }
    const isSame =
      state === order.status && filledQuantity === order.filledQuantity && orderId === order.orderId;
    if (isSame) return undefined;
    return `${id} is ${state} with ${filledQuantity} filled, its order ${order.status} with ${order.filledQuantity}`;
  }

  #checkEnd(): void {
    const { database, venue } = this;
    for (const row of database.rows.values()) {
      const history = database.transitions.get(row.id) ?? [];
      history.forEach(({ version, from }, i) => {
        const before = history[i - 1]?.to ?? null;
        if (version !== i + 1 || from !== before)
          this.report(`${row.id}: its history breaks at version ${version}`);
      });
      if (!isOverState(row.state))
        this.report(`${row.id} is ${row.state} after ${SETTLED_MS_MAX / 60_000} minutes`);
      else if (row.asked.kind === 'place') {
        const difference = this.#differenceOf(row);
        if (difference !== undefined) this.report(difference);
      } else this.#checkWrite(row, history.at(-1)?.cause);
    }
    const numbers = database.events.map(({ seq }) => seq);
    if (numbers.some((seq, i) => seq !== i + 1)) this.report('events are not numbered without gaps');
    for (const order of venue.orders) {
      const last = database.events.findLast(({ orderId }) => orderId === order.orderId)?.payload.order as
        | KiteOrder
        | undefined;
      const isTold =
        last?.status === order.status &&
        last.filledQuantity === order.filledQuantity &&
        last.price === order.price;
      if (order.tag !== null && !isTold)
        this.report(`the last event of order ${order.orderId} is not its end`);
    }
  }

  #checkWrite({ id, orderId, state, asked }: TaskRow, cause: string | undefined): void {
    const order = this.venue.orders.find((one) => one.orderId === orderId);
    const isDone = order?.carriedOut.has(id) ?? false;
    if (state === 'COMPLETE' && !isDone && !(asked.kind === 'cancel' && order?.status === 'CANCELLED')) {
      this.report(`${id} is COMPLETE, and its order was not changed`);
    }
    if (state === 'REJECTED' && isDone && cause === 'refused')
      this.report(`${id} is REJECTED, and its order was changed`);
  }
}

/** One run; the same seed gives the same run. */
export async function runOrders(seed: number, mutant: Mutant, isTraced = false): Promise<RunResult> {
  return { seed, ...(await new World(seed, mutant, isTraced).run()) };
}
