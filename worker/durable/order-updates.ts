// Order events to one gateway's clients: each once and in order; what was missed on any way is read from the database.
import { AppError } from '../../shared/errors.ts';
import {
  CLIENT_BACKLOG_BYTES_MAX,
  CLIENT_STALLED_MS_MAX,
  ORDER_EVENTS_MISSED_MAX,
  ORDER_EVENTS_PAUSE_MS,
} from '../../shared/limits.ts';
import type { NumberedOrderEvent, OrderEvent } from '../core/order-event.ts';
import type { ClientCommand } from '../core/protocol.ts';
import type { Env } from '../env.ts';
import { withDatabase } from '../store/db.ts';
import { lastOrderSeq, readOrderEvents } from '../store/order-events.ts';
import type { ClientSockets, Session } from './client-sockets.ts';

const PERMISSION = 'orders:read';
/** Survives a loss of memory, which clients with hibernating sockets do not notice. */
const SEQ_KEY = 'order-seq';

type Command = Extract<ClientCommand, { kind: 'subscribe_orders' }>;

export class OrderUpdates {
  readonly #gateway: string;
  readonly #env: Env;
  readonly #ctx: DurableObjectState;
  readonly #sockets: ClientSockets;
  /** Whoever listens here has been told everything up to it. Undefined while nobody does. */
  #seq: number | undefined;
  /** The highest number that was heard of. */
  #heardSeq = 0;
  #reading: Promise<void> | undefined;
  /** Clients that are being sent what they have missed, by the number that they have: live events pass them by. */
  readonly #behind = new Map<Session, number>();

  constructor(gateway: string, env: Env, ctx: DurableObjectState, sockets: ClientSockets) {
    this.#gateway = gateway;
    this.#env = env;
    this.#ctx = ctx;
    this.#sockets = sockets;
    this.#seq = ctx.storage.kv.get<number>(SEQ_KEY);
  }

  /** An event has happened. One that comes again is passed over, and behind a gap comes what was missed. */
  take(event: OrderEvent): void {
    if (!isNumbered(event)) {
      this.#tellAll(event);
      return;
    }
    if (!this.#hasListeners()) {
      this.#moveTo(undefined);
      this.#heardSeq = 0;
      return;
    }
    this.#heardSeq = Math.max(this.#heardSeq, event.seq);
    // A reading under way comes to it.
    if (this.#reading) return;
    if (this.#seq === undefined || event.seq === this.#seq + 1) this.#pass(event);
    else if (event.seq > this.#seq) this.look();
  }

  /** Looks for events whose notice was lost, on whichever way: nothing says so when no other event follows. */
  look(): void {
    if (this.#seq === undefined || !this.#hasListeners()) return;
    this.#ctx.waitUntil(
      this.#catchUp().catch((error) => {
        console.warn(`gateway ${this.#gateway}: order events were not read: ${error}`);
      }),
    );
  }

  /** Answers with the client's position, sends what it has missed, and leaves it in step with the others. */
  async subscribe(session: Session, { after, ...command }: Command): Promise<void> {
    const id = command.id === undefined ? {} : { id: command.id };
    if (!mayListen(session)) {
      const message = `token does not have the permission ${PERMISSION}`;
      return this.#sockets.tell(session, { kind: 'error', code: 'forbidden', message, ...id });
    }
    if (after !== undefined) this.#behind.set(session, after);
    try {
      await this.#catchUp();
      // One that was under way when the last of the others left ends without a number.
      if (this.#seq === undefined) await this.#catchUp();
      const first = after === undefined ? undefined : await this.#missedBy(after);
      // What is missing cannot be had: from here on it is in step, and reads the order book.
      if (!first) this.#behind.delete(session);
      const seq = first && after !== undefined ? after : (this.#seq ?? 0);
      const recovered = after === undefined ? {} : { recovered: first !== undefined };
      this.#sockets.tell(session, { kind: 'subscribed_orders', seq, ...recovered, ...id });
      if (first) await this.#bring(session, first);
    } catch (error) {
      console.warn(`gateway ${this.#gateway}: a client was not sent its order events: ${error}`);
      const { code, message } =
        error instanceof AppError ? error : new AppError('internal', 'order events were not read, try again');
      this.#sockets.tell(session, { kind: 'error', code, message, ...id });
    } finally {
      this.#behind.delete(session);
    }
  }

  /** The first page of what is missing behind `after`; undefined when not all of it can be sent. */
  async #missedBy(after: number): Promise<readonly NumberedOrderEvent[] | undefined> {
    const missed = (this.#seq ?? 0) - after;
    if (missed < 0 || missed > ORDER_EVENTS_MISSED_MAX) return undefined;
    if (missed === 0) return [];
    const page = await this.#read(after);
    return page[0]?.seq === after + 1 ? page : undefined;
  }

  /** Sends what the session has missed, until there is nothing left that the others have and it has not. */
  async #bring(session: Session, first: readonly NumberedOrderEvent[]): Promise<void> {
    let page = first;
    for (;;) {
      for (const event of page) {
        if (!(await this.#hasRoom(session)) || !mayListen(session)) return;
        this.#tell(session, event);
        this.#behind.set(session, event.seq);
      }
      const seq = this.#behind.get(session) as number;
      if (seq >= (this.#seq ?? 0)) {
        // In the same turn as the look: the next event is for it as for all.
        this.#behind.delete(session);
        return;
      }
      page = await this.#read(seq);
      if (page.length === 0) throw new AppError('internal', 'order events are missing, subscribe again');
    }
  }

  /** Waits until the socket takes more; false when the session is over, or its client does not read. */
  async #hasRoom(session: Session): Promise<boolean> {
    const { socket } = session;
    let [leastBytes, movedAtMs] = [Number.POSITIVE_INFINITY, Date.now()];
    while (this.#sockets.get(socket) === session) {
      const bytes = socket.bufferedAmount ?? 0;
      if (bytes <= CLIENT_BACKLOG_BYTES_MAX) return true;
      const nowMs = Date.now();
      if (bytes < leastBytes) [leastBytes, movedAtMs] = [bytes, nowMs];
      if (nowMs - movedAtMs >= CLIENT_STALLED_MS_MAX) this.#sockets.closeSlow(session);
      else await new Promise((resolve) => setTimeout(resolve, ORDER_EVENTS_PAUSE_MS));
    }
    return false;
  }

  /** Reads on to the table's end, once for all who want it at the same time. */
  #catchUp(): Promise<void> {
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOn(): Promise<void> {
    const last = await withDatabase(this.#env, this.#ctx, lastOrderSeq);
    const seq = this.#seq;
    // A table that begins anew, or more than anybody is sent: clients see by the numbers that there is a gap.
    if (seq === undefined || last < seq || last - seq > ORDER_EVENTS_MISSED_MAX) this.#moveTo(last);
    for (;;) {
      const from = this.#seq;
      const upTo = Math.max(last, this.#heardSeq);
      if (from === undefined || from >= upTo) break;
      const page = await this.#read(from, upTo);
      // All have left in the meantime; or one was heard of that is not there, which a later look finds.
      if (this.#seq !== from || page.length === 0) break;
      for (const event of page) this.#pass(event);
    }
    this.#heardSeq = this.#seq ?? 0;
  }

  #read(after: number, upTo = this.#seq as number): Promise<readonly NumberedOrderEvent[]> {
    return withDatabase(this.#env, this.#ctx, (sql) => readOrderEvents(sql, after, upTo));
  }

  #pass(event: NumberedOrderEvent): void {
    this.#moveTo(event.seq);
    this.#tellAll(event);
  }

  #moveTo(seq: number | undefined): void {
    if (seq === this.#seq) return;
    this.#seq = seq;
    if (seq === undefined) this.#ctx.storage.kv.delete(SEQ_KEY);
    else this.#ctx.storage.kv.put(SEQ_KEY, seq);
  }

  #tellAll(event: OrderEvent): void {
    for (const session of this.#sockets.all()) {
      // Who has yet to be welcomed is not there yet.
      if (!mayListen(session) || session.firstWords || this.#behind.has(session)) continue;
      this.#tell(session, event);
    }
  }

  /** Never dropped: a socket holds up to CLIENT_BUFFERED_BYTES_MAX for a client that does not read, then it is closed. */
  #tell(session: Session, event: OrderEvent): void {
    this.#sockets.tell(session, { kind: 'order_update', ...event });
  }

  #hasListeners(): boolean {
    for (const session of this.#sockets.all()) if (mayListen(session)) return true;
    return false;
  }
}

function mayListen({ bearer }: Session): boolean {
  return bearer?.permissions.includes(PERMISSION) ?? false;
}

function isNumbered(event: OrderEvent): event is NumberedOrderEvent {
  return event.seq !== undefined;
}
