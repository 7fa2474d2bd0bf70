// A small edge that keeps to the protocol, with a market behind it and a network that loses what is on its way.
import { type ScriptedSocket, tick, welcome } from './scripted-server.ts';

/** Ticks that can be replayed. Short, so that some resumes come too late. */
const RING_LENGTH = 12;
const UNKNOWN_TOKEN = 99;

interface Trade {
  readonly token: number;
  readonly seq: number;
  readonly price: number;
}

export function symbolOf(token: number): string {
  return `NSE:S${token}`;
}

export class ModelEdge {
  readonly prices = new Map<number, number>();
  #epoch = 1;
  #seq = 0;
  #price = 0;
  #ring: Trade[] = [];
  #socket: ScriptedSocket | undefined;
  #read = 0;
  #queue: object[] = [];
  /** Of the client's streams, by token. */
  readonly modes = new Map<number, string>();

  /** The client's newest socket, as far as it is open. */
  accept(socket: ScriptedSocket | undefined): void {
    if (socket === undefined || socket === this.#socket || socket.readyState !== 0) return;
    this.#socket = socket;
    this.#read = 0;
    this.#queue = [];
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
    const trade = { token, seq: this.#seq, price: ++this.#price };
    this.prices.set(token, trade.price);
    this.#ring = [...this.#ring, trade].slice(-RING_LENGTH);
    if (this.modes.has(token)) this.#queue.push(tickOf(trade));
  }

  deliver(count: number): void {
    for (const message of this.#queue.splice(0, count)) {
      if (this.#socket?.readyState === 1) this.#socket.say(message);
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

  /** Whether a tick with the instrument's newest price is on its way. */
  isOnItsWay(token: number): boolean {
    const price = this.prices.get(token);
    return this.#queue.some((message) => {
      const { data } = message as { data?: { instrument_token: number; last_price: number } };
      return data?.instrument_token === token && data.last_price === price;
    });
  }

  #answer(command: Readonly<Record<string, unknown>>): void {
    const { action, id, mode = 'full' } = command;
    const named = [
      ...((command.tokens ?? []) as number[]),
      ...((command.symbols ?? []) as string[]).map((symbol) => Number(symbol.slice(symbolOf(0).length - 1))),
    ];
    const tokens = named.filter((token) => token !== UNKNOWN_TOKEN);
    if (action === 'ping') this.#queue.push({ type: 'pong', ...(id === undefined ? {} : { id }) });
    if (action === 'unsubscribe') {
      for (const token of tokens) this.modes.delete(token);
      this.#queue.push({ type: 'unsubscribed', tokens, total: this.modes.size, id });
    }
    if (action !== 'subscribe') return;
    for (const token of tokens) this.modes.set(token, String(mode));
    const resume = command.resume as { epoch: string; seq: number } | undefined;
    const missed = resume && this.#missedSince(resume, tokens);
    this.#queue.push({
      type: 'subscribed',
      tokens,
      total: this.modes.size,
      id,
      pending: tokens.filter((token) => !this.prices.has(token)),
      rejected: named.includes(UNKNOWN_TOKEN)
        ? [{ token: UNKNOWN_TOKEN, code: 'unknown_instrument', message: 'no such instrument' }]
        : [],
      items: tokens.map((token) => ({ token, symbol: symbolOf(token) })),
      ...(resume ? { recovered: missed !== undefined } : {}),
    });
    this.#queue.push(...(missed ?? this.#snapshot(tokens)));
  }

  #snapshot(tokens: readonly number[]): object[] {
    return tokens.flatMap((token) => {
      const price = this.prices.get(token);
      return price === undefined ? [] : [tickOf({ token, seq: this.#seq, price })];
    });
  }

  /** Undefined when not every missed tick is there. */
  #missedSince(resume: { epoch: string; seq: number }, tokens: readonly number[]): object[] | undefined {
    const oldest = this.#ring[0]?.seq ?? this.#seq + 1;
    if (resume.epoch !== `e${this.#epoch}` || resume.seq + 1 < oldest) return undefined;
    return this.#ring.filter(({ token, seq }) => seq > resume.seq && tokens.includes(token)).map(tickOf);
  }
}

function tickOf({ token, seq, price }: Trade): object {
  // One source clock through all restarts: the price is its count.
  const receivedAt = new Date(1_764_000_000_000 + price).toISOString();
  return tick(token, seq, price, { received_at: receivedAt });
}
