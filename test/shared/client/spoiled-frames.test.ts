// Frames that are altered, lost, doubled or swapped: whatever is shown is what the server had, and in the end it is the newest.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tick } from '../../../shared/client/index.ts';
import { SEGMENT } from '../../../shared/instrument.ts';
import { AT, RECORD_KIND, writeReceivedAt } from '../../../shared/tick.ts';
import { encodeTick } from '../../../worker/dialects/native-json/tick.ts';
import { definitionOf } from '../../support/records.ts';
import { arbitraryRecord } from '../arbitrary-records.ts';
import { slotOf } from '../wire/wire-connection.ts';
import { RowLine } from './row-line.ts';
import { createScene, type Scene, type ScriptedSocket } from './scripted-server.ts';

const SHARE = (1 << 8) | SEGMENT.NSE;
const CURRENCY = (2 << 8) | SEGMENT.CDS;
const INDEX = (3 << 8) | SEGMENT.INDICES;
const TOKENS = [SHARE, CURRENCY, INDEX];

const traded = arbitraryRecord([RECORD_KIND.ltp, RECORD_KIND.quote, RECORD_KIND.full]);
const index = arbitraryRecord([RECORD_KIND.indexQuote, RECORD_KIND.indexFull]);
const record = fc.oneof(
  fc.tuple(fc.constantFrom(SHARE, CURRENCY), traded),
  fc.tuple(fc.constant(INDEX), index),
);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('flush'), records: fc.array(record, { maxLength: 4 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('deliver'), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('turnBit'), bit: fc.nat(4_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('lose', 'double', 'swap', 'disconnect') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(100, 1_000, 10_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('announce'),
      token: fc.constantFrom(...TOKENS),
      id: fc.nat(3),
      lot: fc.constantFrom(1, 75),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

class Session {
  readonly scene: Scene;
  #socket: ScriptedSocket | undefined;
  #line = new RowLine();
  #queue: (object | ArrayBuffer)[] = [];
  #read = 0;
  #seq = 1_764_000_000_000;
  /** By token, as records of the server. */
  readonly newest = new Map<number, Uint32Array>();
  /** Ticks as native JSON has them, by token and seq. */
  readonly #sent = new Map<string, unknown[]>();
  #shownAt = new Map<number, number>();
  #broken: unknown;

  constructor(isHeard: boolean) {
    this.scene = createScene();
    const { client } = this.scene;
    if (isHeard) client.on('tick', (tick) => this.#checkShown(tick));
    client.on('error', (error) => {
      if (error.kind === 'listener') this.#broken = error.cause;
    });
    client.subscribe(TOKENS);
    client.connect();
  }

  async take(next: Step): Promise<void> {
    if (next.do === 'flush') this.#flush(next.records);
    if (next.do === 'deliver') this.#deliver(next.count);
    if (next.do === 'turnBit') this.#turnBit(next.bit);
    if (next.do === 'lose') this.#spoil(() => []);
    if (next.do === 'double') this.#spoil((frame) => [frame, frame]);
    if (next.do === 'swap') this.#swap();
    if (next.do === 'disconnect' && this.#socket?.readyState === 1) this.#socket.drop(1006);
    if (next.do === 'pass') this.scene.clock.advance(next.ms);
    if (next.do === 'announce') this.#announce(next.token, next.id, next.lot);
    await this.scene.settle();
    this.#serve();
    for (const token of TOKENS) this.#checkSent(this.scene.client.last(token));
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Accepts the newest socket and answers its commands. */
  #serve(): void {
    const socket = this.scene.sockets.at(-1);
    if (socket?.readyState === 0) {
      this.#socket = socket;
      this.#line = new RowLine();
      this.#queue = [];
      this.#read = 0;
      socket.open();
      socket.say({ type: 'connected', connection_id: 'c', user: { user_id: 'u' }, epoch: 'e' });
    }
    if (this.#socket?.readyState !== 1) return;
    for (const { action, id } of this.#socket.sent.slice(this.#read)) {
      if (action === 'ping') this.#queue.push({ type: 'pong', id });
      if (action === 'subscribe') {
        const rows = TOKENS.map((token) => this.#line.announce(token));
        this.#queue.push({ type: 'subscribed', tokens: TOKENS, total: 3, id, rows });
      }
      if (action === 'subscribe' || action === 'restart') this.#send([...this.newest.values()], true);
    }
    this.#read = this.#socket.sent.length;
  }

  #flush(records: readonly (readonly [number, Uint32Array])[]): void {
    const rows = records.map(([token, words]) => {
      const own = words.slice();
      own[AT.token / 4] = token;
      writeReceivedAt(new DataView(own.buffer), 0, ++this.#seq);
      this.newest.set(token, own);
      return own;
    });
    this.#send(rows);
  }

  #send(records: readonly Uint32Array[], isRestart = false): void {
    this.#seq++;
    if (!TOKENS.some((token) => this.#line.hasId(token))) return;
    const rows = records.map((words) => ({ token: words[AT.token / 4] as number, record: words }));
    for (const { token, record: words } of rows) {
      if (!this.#line.hasId(token)) this.#queue.push({ type: 'rows', rows: [this.#line.announce(token)] });
      const text = encodeTick(
        new DataView(slotOf(words).buffer),
        0,
        3,
        definitionOf(token, `S${token}`),
        this.#seq,
      );
      const key = `${token} ${this.#seq}`;
      this.#sent.set(key, [...(this.#sent.get(key) ?? []), JSON.parse(text).data]);
    }
    this.#queue.push(this.#line.frame(this.#seq, rows, isRestart));
  }

  #announce(token: number, id: number, lot: number): void {
    if (!this.#line.hasId(token)) return;
    this.#queue.push({ type: 'rows', rows: [this.#line.announce(token, id, 1, lot)] });
  }

  #deliver(count: number): void {
    for (const data of this.#queue.splice(0, count)) {
      if (this.#socket?.readyState !== 1) continue;
      if (data instanceof ArrayBuffer) this.#socket.frame(data);
      else this.#socket.say(data);
    }
  }

  #spoil(replace: (frame: ArrayBuffer) => ArrayBuffer[]): void {
    const at = this.#queue.findIndex((data) => data instanceof ArrayBuffer);
    if (at >= 0) this.#queue.splice(at, 1, ...replace(this.#queue[at] as ArrayBuffer));
  }

  #turnBit(bit: number): void {
    this.#spoil((frame) => {
      const bytes = new Uint8Array(frame.slice());
      const byteAt = (bit >>> 3) % bytes.length;
      bytes[byteAt] = (bytes[byteAt] as number) ^ (1 << (bit & 7));
      return [bytes.buffer];
    });
  }

  /** With whatever is behind it that is a frame as well. */
  #swap(): void {
    const at = this.#queue.findIndex((data) => data instanceof ArrayBuffer);
    const [frame, other] = [this.#queue[at], this.#queue[at + 1]];
    if (frame instanceof ArrayBuffer && other instanceof ArrayBuffer) this.#queue.splice(at, 2, other, frame);
  }

  #checkSent(tick: Tick | undefined): void {
    if (!tick) return;
    const expected = this.#sent.get(`${tick.instrument_token} ${tick.seq}`) ?? [];
    if (expected.length === 1) expect(tick).toStrictEqual(expected[0]);
    else expect(expected).toContainEqual(tick);
  }

  #checkShown(tick: Tick): void {
    this.#checkSent(tick);
    const receivedAtMs = Date.parse(tick.received_at);
    expect(receivedAtMs).toBeGreaterThan(this.#shownAt.get(tick.instrument_token) ?? 0);
    this.#shownAt.set(tick.instrument_token, receivedAtMs);
  }

  /** Nothing is spoiled any more; one more tick of each shows the client what it has missed. */
  async calmDown(last: readonly (readonly [number, Uint32Array])[]): Promise<void> {
    for (let round = 0; round < 40; round++) {
      if (round === 20) this.#flush(last);
      await this.take({ do: 'pass', ms: 1_000 });
      await this.take({ do: 'deliver', count: 1_000 });
    }
  }
}

test('whatever happens to frames', async () => {
  const last = fc.tuple(traded, traded, index);
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: 'max' }),
      fc.boolean(),
      last,
      async (steps, isHeard, [share, currency, level]) => {
        const session = new Session(isHeard);
        for (const next of steps) await session.take(next);
        await session.calmDown([
          [SHARE, share],
          [CURRENCY, currency],
          [INDEX, level],
        ]);
        const { client } = session.scene;
        for (const [token, words] of session.newest) {
          const tick = client.last(token);
          const text = encodeTick(
            new DataView(slotOf(words).buffer),
            0,
            3,
            definitionOf(token, `S${token}`),
            tick?.seq ?? 0,
          );
          expect(tick).toStrictEqual(JSON.parse(text).data);
          expect(client.freshness(token)).toBe('live');
        }
        client.close();
        expect(session.scene.clock.delaysMs).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
}, 60_000);
