// A small edge that keeps to the protocol, with a market behind it and a network that loses what is on its way.
import { priceDivisorOf } from '../../../shared/instrument.ts';
import { RECORD_KIND, rankOfMode, type TickMode } from '../../../shared/tick.ts';
import { recordOf } from '../../support/records.ts';
import { RowLine, type RowTuple } from './row-line.ts';
import { type ScriptedSocket, tick, welcome } from './scripted-server.ts';

/** Ticks that can be replayed. Short, so that some resumes come too late. */
const RING_LENGTH = 12;
const UNKNOWN_TOKEN = 99;

interface Trade {
  readonly token: number;
  readonly seq: number;
  /** All trades are numbered: the raw price, and the time of the one source clock through all restarts. */
  readonly number: number;
}

/** A message or a frame that waits to be delivered. */
interface Sent {
  readonly data: object | ArrayBuffer;
  readonly trades: readonly Trade[];
}

export function symbolOf(token: number): string {
  return `NSE:S${token}`;
}

function priceOf({ token, number }: Trade): number {
  return number / priceDivisorOf(token);
}

export class ModelEdge {
  readonly prices = new Map<number, number>();
  readonly #format: 'binary' | 'json';
  #epoch = 1;
  #seq = 0;
  #number = 0;
  #ring: Trade[] = [];
  /** By token. */
  readonly #last = new Map<number, Trade>();
  #socket: ScriptedSocket | undefined;
  #read = 0;
  #queue: Sent[] = [];
  #line = new RowLine();
  /** Of the client's streams, by token. */
  readonly modes = new Map<number, string>();

  constructor(format: 'binary' | 'json') {
    this.#format = format;
  }

  /** The client's newest socket, as far as it is open. */
  accept(socket: ScriptedSocket | undefined): void {
    if (socket === undefined || socket === this.#socket || socket.readyState !== 0) return;
    this.#socket = socket;
    this.#read = 0;
    this.#queue = [];
    this.#line = new RowLine();
    this.modes.clear();
    socket.open();
    socket.say(welcome({ epoch: `e${this.#epoch}` }));
  }

  /** Takes the commands that have been sent since the last call. */
  obey(): void {
    const socket = this.#socket;
    if (socket?.readyState !== 1) return;
    for (const command of socket.sent.slice(this.#read)) this.#answer(command);
    this.#read = socket.sent.length;
  }

  /** Trades of one flush share their seq, one of each instrument at most. */
  trade(token: number, isSameFlush: boolean): void {
    const flushed = this.#ring.filter(({ seq }) => seq === this.#seq);
    const isShared = isSameFlush && flushed.length > 0 && !flushed.some((trade) => trade.token === token);
    if (!isShared) this.#seq++;
    const trade = { token, seq: this.#seq, number: ++this.#number };
    this.#last.set(token, trade);
    this.prices.set(token, priceOf(trade));
    this.#ring = [...this.#ring, trade].slice(-RING_LENGTH);
    if (this.modes.has(token)) this.#sendTicks(trade.seq, [trade]);
  }

  deliver(count: number): void {
    for (const { data } of this.#queue.splice(0, count)) {
      if (this.#socket?.readyState !== 1) continue;
      if (data instanceof ArrayBuffer) this.#socket.frame(data);
      else this.#socket.say(data);
    }
  }

  /** What is on its way is lost. */
  cut(code: number): void {
    this.#queue = [];
    if (this.#socket?.readyState === 1) this.#socket.drop(code);
  }

  /** The gateway's memory is gone: what it knew of the order of events means nothing any more. */
  restart(): void {
    this.#epoch++;
    this.#seq = 0;
    this.#ring = [];
    this.cut(1012);
  }

  /** A bit of the next frame on its way is turned, or the frame comes twice. */
  spoil(bit: number | 'twice'): void {
    const at = this.#queue.findIndex(({ data }) => data instanceof ArrayBuffer);
    const next = this.#queue[at];
    if (!(next?.data instanceof ArrayBuffer)) return;
    if (bit === 'twice') {
      this.#queue.splice(at, 0, next);
      return;
    }
    const bytes = new Uint8Array(next.data);
    const byteAt = (bit >>> 3) % bytes.length;
    bytes[byteAt] = (bytes[byteAt] as number) ^ (1 << (bit & 7));
  }

  /** The instrument's definition has changed, or it gets another id: the one of a second instrument, perhaps. */
  announceAgain(token: number, id: number | undefined, lot: number): void {
    if (this.#format === 'json' || !this.#line.hasId(token)) return;
    this.#sendRows([this.#line.announce(token, id, 1, lot)]);
  }

  /** Whether a tick with the instrument's newest price is on its way. */
  isOnItsWay(token: number): boolean {
    const newest = this.#last.get(token);
    return this.#queue.some(({ trades }) =>
      trades.some((trade) => trade.token === token && trade.number === newest?.number),
    );
  }

  #say(data: object): void {
    this.#queue.push({ data, trades: [] });
  }

  #sendRows(rows: readonly RowTuple[]): void {
    if (rows.length > 0) this.#say({ type: 'rows', rows });
  }

  /** One flush: a message for each tick, or a frame with a row for each. */
  #sendTicks(seq: number, trades: readonly Trade[], isRestart = false): void {
    if (this.#format === 'json') {
      for (const trade of trades) this.#queue.push({ data: tickOf(trade, seq), trades: [trade] });
      return;
    }
    const unknown = trades.filter(({ token }) => !this.#line.hasId(token));
    this.#sendRows(unknown.map(({ token }) => this.#line.announce(token)));
    const rows = trades.map((trade) => ({
      token: trade.token,
      record: recordOfTrade(trade),
      rank: rankOfMode((this.modes.get(trade.token) ?? 'full') as TickMode),
    }));
    this.#queue.push({ data: this.#line.frame(seq, rows, isRestart), trades });
  }

  #answer(command: Readonly<Record<string, unknown>>): void {
    const { action, id, mode = 'full' } = command;
    const named = [
      ...((command.tokens ?? []) as number[]),
      ...((command.symbols ?? []) as string[]).map((symbol) => Number(symbol.slice(symbolOf(0).length - 1))),
    ];
    const tokens = named.filter((token) => token !== UNKNOWN_TOKEN);
    if (action === 'ping') this.#say({ type: 'pong', ...(id === undefined ? {} : { id }) });
    if (action === 'restart') this.#sendTicks(this.#seq, this.#lastOf([...this.modes.keys()]), true);
    if (action === 'unsubscribe') {
      for (const token of tokens) this.modes.delete(token);
      this.#say({ type: 'unsubscribed', tokens, total: this.modes.size, id });
    }
    if (action !== 'subscribe') return;
    for (const token of tokens) this.modes.set(token, String(mode));
    this.#acknowledge(tokens, named, command);
  }

  #acknowledge(
    tokens: readonly number[],
    named: readonly number[],
    command: Readonly<Record<string, unknown>>,
  ): void {
    const resume = command.resume as { epoch: string; seq: number } | undefined;
    const missed = resume && this.#missedSince(resume, tokens);
    const known = tokens.filter((token) => this.prices.has(token) && !this.#line.hasId(token));
    const rows =
      this.#format === 'json' ? [] : [...new Set(known)].map((token) => this.#line.announce(token));
    this.#say({
      type: 'subscribed',
      tokens,
      total: this.modes.size,
      id: command.id,
      pending: tokens.filter((token) => !this.prices.has(token)),
      rejected: named.includes(UNKNOWN_TOKEN)
        ? [{ token: UNKNOWN_TOKEN, code: 'unknown_instrument', message: 'no such instrument' }]
        : [],
      items: tokens.map((token) => ({ token, symbol: symbolOf(token) })),
      ...(resume ? { recovered: missed !== undefined } : {}),
      ...(rows.length > 0 ? { rows } : {}),
    });
    for (const trade of missed ?? []) this.#sendTicks(trade.seq, [trade]);
    if (missed === undefined || this.#format === 'binary') this.#sendSnapshot(tokens);
  }

  /** Current values, as keyframes: whatever the client has of them. */
  #sendSnapshot(tokens: readonly number[]): void {
    this.#line.forget(tokens);
    const last = this.#lastOf(tokens);
    if (last.length > 0) this.#sendTicks(this.#seq, last);
  }

  #lastOf(tokens: readonly number[]): Trade[] {
    return [...new Set(tokens)].flatMap((token) => this.#last.get(token) ?? []);
  }

  /** Undefined when not every missed tick is there. */
  #missedSince(resume: { epoch: string; seq: number }, tokens: readonly number[]): Trade[] | undefined {
    const oldest = this.#ring[0]?.seq ?? this.#seq + 1;
    if (resume.epoch !== `e${this.#epoch}` || resume.seq + 1 < oldest) return undefined;
    return this.#ring.filter(({ token, seq }) => seq > resume.seq && tokens.includes(token));
  }
}

function receivedAtMsOf({ number }: Trade): number {
  return 1_764_000_000_000 + number;
}

function tickOf(trade: Trade, seq: number): object {
  const receivedAt = new Date(receivedAtMsOf(trade)).toISOString();
  return tick(trade.token, seq, priceOf(trade), { received_at: receivedAt });
}

function recordOfTrade(trade: Trade): Uint32Array {
  return recordOf(trade.token, RECORD_KIND.full, { lastPrice: trade.number }, receivedAtMsOf(trade));
}
