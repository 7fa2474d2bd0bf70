// A binary client for tests inside workerd: learns row ids, reads frames, and gives out ticks in their order.
import { readTick, type Tick } from '../../../shared/tick.ts';
import { FrameReader } from '../../../shared/wire/frame-reader.ts';
import { scaleOf } from '../../../shared/wire/scale.ts';
import { type Message, TestClient } from './client.ts';

type RowLine = readonly [
  id: number,
  token: number,
  tick: number,
  lot: number,
  exchange: string,
  symbol: string,
];

/** A tick under the sequence of the frame that brought it. */
export type BinaryTick = Omit<Tick, 'seq'> & { readonly seq: number; readonly isRestart: boolean };

export class BinaryClient {
  readonly client: TestClient;
  readonly reader = new FrameReader();
  /** Everything that was announced, in its order. */
  readonly rows: RowLine[] = [];
  /** Frames that nobody has asked for yet are not read: ids that come before them count. */
  readonly #ticks: BinaryTick[] = [];

  private constructor(client: TestClient) {
    this.client = client;
  }

  static async connect(token: string): Promise<BinaryClient> {
    const client = await TestClient.open(`?token=${token}&format=binary`);
    await client.next('connected');
    return new BinaryClient(client);
  }

  /** The next message of the type; what comes before it is read. */
  async next(type: string): Promise<Message> {
    for (;;) {
      const message = await this.client.next();
      this.#take(message);
      if (message.type === type) return message;
    }
  }

  /** The next tick, of the token if one is given. */
  async tick(token?: number): Promise<BinaryTick> {
    for (;;) {
      const tick = this.#ticks.shift();
      if (!tick) await this.next('frame');
      else if (token === undefined || tick.token === token) return tick;
    }
  }

  async priceOf(token: number, lastPrice: number): Promise<BinaryTick> {
    for (;;) {
      const tick = await this.tick(token);
      if (tick.lastPrice === lastPrice) return tick;
    }
  }

  async subscribe(...tokens: number[]): Promise<Message> {
    this.client.send({ action: 'subscribe', tokens });
    return this.next('subscribed');
  }

  #take({ rows, bytes }: Message): void {
    for (const line of (rows ?? []) as RowLine[]) {
      const [id, token, tick, lot] = line;
      this.rows.push(line);
      this.reader.assign(id, token, scaleOf(tick, lot));
    }
    if (!(bytes instanceof Uint8Array)) return;
    const isRestart = ((bytes[2] as number) & 0x80) !== 0;
    const count = this.reader.read(bytes);
    for (const id of this.reader.ids.subarray(0, count)) {
      const tick = readTick(this.reader.view, this.reader.byteOffset(id));
      this.#ticks.push({ ...tick, seq: this.reader.seq, isRestart });
    }
  }
}
