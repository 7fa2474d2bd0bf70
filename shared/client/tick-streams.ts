// Streams of ticks: their values in the server's order, how fresh each is, and where to go on after a break.
import { ERRORS } from '../errors.ts';
import type { ChainStreams } from './chain-streams.ts';
import { Channel } from './channel.ts';
import type { AnnouncedRow, ConnectedMessage, RejectedItem, SubscribedMessage } from './message.ts';
import { reactionTo } from './reconnect-policy.ts';
import { RestartRequest } from './restart-request.ts';
import { type Row, RowTable } from './row-table.ts';
import { type CommandFields, type ResumePoint, TickKind } from './stream-kind.ts';
import type { AcceptedItem } from './subscription.ts';
import { type Instrument, optionsKey, type StreamOptions } from './subscription-options.ts';
import type { Synced } from './sync-loop.ts';
import type { Tick } from './tick.ts';
import { ValueBook } from './value-book.ts';

export interface TickStreamsOptions {
  /** Counts the commands of the client, whatever they are about. */
  readonly nextId: () => number;
  readonly send: (fields: CommandFields) => void;
  readonly onChanged: () => void;
  /** Members of chains: their ticks are wanted whatever else is. */
  readonly members: Pick<ChainStreams, 'isWanted' | 'isStreaming'>;
  readonly onRejected: (item: RejectedItem) => void;
  /** Some instruments are not wanted any more. */
  readonly onForgotten: () => void;
  /** A row has brought another value of a wanted instrument: `last` has it. */
  readonly onValue: (token: number) => void;
  /** A frame could not be read, and none will be until the server has started its rows anew. */
  readonly onUnread: (reason: string) => void;
}

export class TickStreams implements Synced {
  readonly channel: Channel<StreamOptions, AcceptedItem>;
  readonly restart: RestartRequest;
  readonly #options: TickStreamsOptions;
  readonly #kind = new TickKind();
  readonly #rows: RowTable;
  readonly #values: ValueBook;
  #epoch: string | undefined;
  /** A frame could not be read, and no restart has come since. */
  #isUnreadable = false;

  constructor(options: TickStreamsOptions) {
    const { nextId, onChanged, onRejected } = options;
    this.#options = options;
    this.restart = new RestartRequest(onChanged);
    this.#rows = new RowTable({
      onVoid: (row) => this.#values.keep(row),
      onRow: (row, isKeyframe) => this.#onRow(row, isKeyframe),
    });
    this.#values = new ValueBook((row) => this.#rows.tickOf(row));
    this.channel = new Channel({
      kind: this.#kind,
      nextId,
      acceptedOf: ({ wire, options: { mode, speed }, state }, token) => ({
        instrument: wire,
        ...token,
        mode,
        speed,
        state: state === 'pending' ? 'pending' : 'live',
      }),
      onChanged,
      onRejected: (item, token) => {
        if (token !== undefined) this.#values.doubt(token);
        onRejected(item);
      },
    });
  }

  get droppedCount(): number {
    return this.#values.droppedCount;
  }

  get openRequestsCount(): number {
    return this.channel.openRequestsCount;
  }

  last(instrument: Instrument): Tick | undefined {
    const { desired } = this.channel;
    const token = desired.tokenOf(instrument);
    return token !== undefined && this.isWanted(token) ? this.#values.last(token) : undefined;
  }

  hasLast(token: number): boolean {
    return this.isWanted(token) && this.#values.has(token);
  }

  /** Last ticks of what is wanted. */
  *ticks(): Iterable<Tick> {
    for (const token of this.#values.tokens()) {
      const tick = this.isWanted(token) ? this.#values.last(token) : undefined;
      if (tick) yield tick;
    }
  }

  /** Somebody has subscribed to it, or to a chain that it is a member of. */
  isWanted(token: number): boolean {
    return this.channel.desired.isWanted(token) || this.#options.members.isWanted(token);
  }

  #isStreaming(token: number): boolean {
    return this.channel.isStreaming(token) || this.#options.members.isStreaming(token);
  }

  isCurrent(token: number): boolean {
    return this.#values.isCurrent(token);
  }

  onConnected({ epoch, limits }: ConnectedMessage): void {
    this.#epoch = epoch;
    this.channel.begin(limits);
    this.#values.leaveRows();
    this.#rows.reset();
    this.restart.begin();
    this.#isUnreadable = false;
    this.#values.beginConnection();
  }

  onLost(closeCode: number): void {
    this.#kind.resumeFrom(this.#resumePoints(closeCode));
    this.channel.lose();
    this.#values.beginConnection();
  }

  /** True when the tick is wanted and not older than what is held. */
  onTick(tick: Tick): boolean {
    const { channel } = this;
    const token = tick.instrument_token;
    if (!channel.isStreaming(token)) channel.learn(`${tick.exchange}:${tick.tradingsymbol}`, token);
    // A tick before the acknowledgement is the last of a stream that was given up: newer ones may have been missed.
    if (!this.#isStreaming(token) || !this.#values.take(tick, this.#epoch)) return false;
    channel.onValue(token);
    return this.isWanted(token);
  }

  onRows(announced: readonly AnnouncedRow[]): void {
    for (const row of announced) this.#rows.announce(row);
  }

  /** Calls `onValue` for each value that the frame brings. */
  onFrame(frame: Uint8Array): void {
    let reason: string | undefined;
    try {
      this.#rows.read(frame);
      if (this.#rows.isLost) reason = 'a frame came before the first restart';
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    const wasUnreadable = this.#isUnreadable;
    this.#isUnreadable = reason !== undefined;
    if (reason === undefined) {
      this.restart.answer();
      return;
    }
    // Also of a restart that was read in part.
    this.#values.doubtRows();
    if (wasUnreadable) return;
    this.restart.want();
    this.#options.onUnread(reason);
  }

  #onRow(row: Row, isKeyframe: boolean): void {
    const { channel } = this;
    const { token } = row;
    if (!channel.isStreaming(token)) channel.learn(`${row.exchange}:${row.tradingsymbol}`, token);
    // As in `onTick`.
    if (!this.#isStreaming(token)) return;
    const verdict = this.#values.takeRow(row, isKeyframe, this.#epoch);
    if (verdict === 'late') return;
    channel.onValue(token);
    if (verdict === 'news' && this.isWanted(token)) this.#options.onValue(token);
  }

  onSubscribed(message: SubscribedMessage, nowMs: number): void {
    const recovering = this.channel.onSubscribed(message, nowMs);
    // Of the missed ticks some are in frames that nobody reads: each instrument waits for a row of its own.
    if (recovering.length === 0 || this.#isUnreadable) return;
    this.#values.beginRecovery(recovering);
    this.#options.send(this.channel.markRecovery(recovering, nowMs));
  }

  /** The tokens whose missed ticks are all here, when the pong means that. */
  onPong(id: number | undefined): readonly number[] {
    return this.#values.completeRecovery(this.channel.onPong(id));
  }

  expire(nowMs: number): number {
    const { askedCount, recovering } = this.channel.expire(nowMs);
    this.#values.abandonRecovery(recovering);
    return askedCount;
  }

  plan(nowMs: number, requestsMax: number): readonly CommandFields[] {
    const commands = this.channel.plan(nowMs, requestsMax);
    this.#forgetUnwanted();
    return commands;
  }

  nextDueMs(): number | undefined {
    return this.channel.nextDueMs();
  }

  /** Not what still streams: it may be wanted again before the server is told, and then gets no snapshot. */
  #forgetUnwanted(): void {
    let isForgotten = false;
    for (const token of this.#values.tokens()) {
      if (this.isWanted(token) || this.#isStreaming(token)) continue;
      this.#values.forget(token);
      this.#kind.forgetResume(token);
      isForgotten = true;
    }
    if (isForgotten) this.#options.onForgotten();
  }

  /** Where to resume: by options, the newest position among instruments that had missed nothing. */
  #resumePoints(closeCode: number): ResumePoint[] {
    const epoch = this.#epoch;
    // Ticks of a slow client waited by instrument, not by seq: its newest position says nothing of the others.
    if (epoch === undefined || closeCode === ERRORS.slow_client.closeCode || reactionTo(closeCode) === 'stop')
      return [];
    const points = new Map<string, ResumePoint>();
    for (const [key, { options: own }] of this.channel.accepted()) {
      const position = typeof key === 'number' ? this.#values.positionOf(key) : undefined;
      if (position?.epoch !== epoch) continue;
      const options = optionsKey(own);
      const point = points.get(options) ?? { options, epoch, seq: 0, keys: new Set() };
      // Ticks of one flush may share their seq, and the connection may have ended between two of them.
      point.seq = Math.max(point.seq, position.seq - 1);
      point.keys.add(key);
      points.set(options, point);
    }
    return [...points.values()];
  }
}
