// Binary ticks at the client: what rows mean, when a tick object is made of one, and what becomes of frames nobody can read.
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type ClientError, FrameReader, scaleOf, type Tick } from '../../../shared/client/index.ts';
import { tickOfRecord } from '../../../shared/client/wire-tick.ts';
import {
  CLIENT_SDK_MESSAGES_PER_S,
  CLIENT_SDK_RESTART_MS,
  WIRE_FRAME_BYTES_MAX,
  WIRE_ROW_IDS_MAX,
} from '../../../shared/limits.ts';
import { RECORD_KIND, RECORD_WORDS_MAX } from '../../../shared/tick.ts';
import { recordOf } from '../../support/records.ts';
import { RowLine, type RowTuple } from './row-line.ts';
import { createScene, type Scene, type ScriptedSocket, tick } from './scripted-server.ts';

vi.mock('../../../shared/client/wire-tick.ts', async (importOriginal) => {
  const actual = await importOriginal<typeof import('../../../shared/client/wire-tick.ts')>();
  return { ...actual, tickOfRecord: vi.fn(actual.tickOfRecord) };
});
const ticksMade = vi.mocked(tickOfRecord);

const COMMAND_PAUSE_MS = 1_000 / CLIENT_SDK_MESSAGES_PER_S;
const [A, B] = [(1 << 8) | 1, (2 << 8) | 1];

/** A share's full record; its price is in rupees. */
function recordAt(token: number, price: number, receivedAtMs = 1_764_000_000_000 + price): Uint32Array {
  return recordOf(token, RECORD_KIND.full, { lastPrice: price * 100, volume: 10 }, receivedAtMs);
}

function row(token: number, price: number, receivedAtMs?: number) {
  return { token, record: recordAt(token, price, receivedAtMs) };
}

let scene: Scene;
let socket: ScriptedSocket;
let line: RowLine;
let errors: ClientError[];

function prices(): number[] {
  const shown: number[] = [];
  scene.client.on('tick', ({ last_price: price = 0 }) => shown.push(price));
  return shown;
}

function turn(): void {
  scene.clock.advance(1_000);
}

/** The connection is lost; the next one's server takes both instruments and gives them ids. */
async function reconnect(fields: object = {}): Promise<void> {
  socket.drop(1006);
  scene.clock.advance(30_000);
  socket = await scene.connect();
  line = new RowLine();
  socket.acknowledge({ rows: [line.announce(A), line.announce(B)], ...fields });
}

beforeEach(async () => {
  scene = createScene();
  errors = [];
  scene.client.on('error', (error) => errors.push(error));
  scene.client.subscribe([A, B]);
  socket = await scene.connect();
  line = new RowLine();
  socket.acknowledge({ rows: [line.announce(A), line.announce(B)] });
  ticksMade.mockClear();
});

describe('asking for binary ticks', () => {
  test('the socket gives its frames as ArrayBuffer', () => {
    expect(socket.binaryType).toBe('arraybuffer');
  });

  test.each([
    ['subprotocol', 'binary', '', ['ticker.v1', 'ticker.json', 'bearer.jwt']],
    ['subprotocol', 'json', '', ['ticker.json', 'bearer.jwt']],
    ['query', 'binary', '?token=jwt&format=binary', []],
    ['query', 'json', '?token=jwt', []],
    ['message', 'binary', '?auth=message&format=binary', []],
    ['message', 'json', '?auth=message', []],
  ] as const)('with the token by %s, %s', async (tokenTransport, format, search, protocols) => {
    const other = createScene({ tokenTransport, format });
    const { url, protocols: offered } = await other.connect();
    expect([url.search, offered]).toEqual([search, protocols]);
  });

  test('text ticks of a server that has no binary ones are read all the same', () => {
    socket.say(tick(A, 1, 100));
    expect(scene.client.last(A)?.last_price).toBe(100);
    expect(scene.client.freshness(A)).toBe('live');
  });
});

describe('ticks from rows', () => {
  test('are shown in order, also two of one instrument in a frame', () => {
    const shown = prices();
    socket.frame(line.frame(10, [row(A, 1), row(B, 2), row(A, 3)]));
    expect(shown).toEqual([1, 2, 3]);
    expect(scene.client.last(A)).toMatchObject({
      instrument_token: A,
      tradingsymbol: `S${A}`,
      exchange: 'NSE',
      mode: 'full',
      last_price: 3,
      seq: 10,
    });
    expect(scene.client.freshness(A)).toBe('live');
  });

  test('are the values with which a loop begins and goes on', async () => {
    socket.frame(line.frame(10, [row(A, 1)]));
    const ticks = scene.client.ticks();
    socket.frame(line.frame(11, [row(B, 2), row(A, 3)]));
    const read = [await ticks.next(), await ticks.next()].map(({ value }) => value?.last_price);
    expect(read).toEqual([3, 2]);
    expect(ticks.skippedCount).toBe(1);
  });

  test('of a lower mode replace those of a higher one', () => {
    socket.frame(line.frame(10, [row(A, 1)]));
    const before = scene.client.last(A);
    socket.frame(line.frame(11, [{ ...row(A, 2), rank: 1 }]));
    expect(scene.client.last(A)).toEqual({
      instrument_token: A,
      tradingsymbol: `S${A}`,
      exchange: 'NSE',
      mode: 'ltp',
      last_price: 2,
      received_at: '2025-11-24T16:00:00.002Z',
      seq: 11,
    });
    expect(before).toMatchObject({ mode: 'full', last_price: 1, volume: 10 });
  });

  test('late ones of a replay are dropped and counted, and what follows them is not', () => {
    const shown = prices();
    socket.frame(line.frame(20, [row(A, 5)]));
    socket.frame(line.frame(18, [row(A, 3)]));
    socket.frame(line.frame(19, [row(A, 4), row(B, 1)]));
    expect(scene.client.last(A)?.last_price).toBe(5);
    socket.frame(line.frame(21, [row(A, 6)]));
    expect(shown).toEqual([5, 1, 6]);
    expect(scene.client.droppedTicksCount).toBe(2);
  });

  test('of what is not wanted any more are left out', () => {
    const shown = prices();
    scene.client.unsubscribe([A]);
    socket.frame(line.frame(10, [row(A, 1), row(B, 2)]));
    expect(shown).toEqual([2]);
    expect(scene.client.last(A)).toBeUndefined();
  });

  test('closing the client at one of them is the end of the frame', () => {
    const shown = prices();
    scene.client.on('tick', () => scene.client.close());
    socket.frame(line.frame(10, [row(A, 1), row(B, 2)]));
    expect(shown).toEqual([1]);
    expect(scene.client.last(A)?.last_price).toBe(1);
    expect(errors).toEqual([]);
    expect(scene.clock.delaysMs).toEqual([]);
  });
});

describe('a tick object', () => {
  test('is made for nobody when nobody looks', () => {
    for (let seq = 10; seq < 60; seq++) socket.frame(line.frame(seq, [row(A, seq), row(B, seq)]));
    expect(scene.client.freshness(A)).toBe('live');
    expect(ticksMade).not.toHaveBeenCalled();
    expect(scene.client.last(A)?.last_price).toBe(59);
    expect(scene.client.last(A)).toBe(scene.client.last(A));
    expect(ticksMade).toHaveBeenCalledTimes(1);
  });

  test('is made once for all who look', async () => {
    const seen: Tick[] = [];
    scene.client.on('tick', (shown) => seen.push(shown));
    scene.client.on('tick', (shown) => seen.push(shown));
    const ticks = scene.client.ticks();
    socket.frame(line.frame(10, [row(A, 1)]));
    expect(new Set([...seen, (await ticks.next()).value, scene.client.last(A)]).size).toBe(1);
    expect(ticksMade).toHaveBeenCalledTimes(1);
  });

  test('is history: what comes later does not change it', () => {
    socket.frame(line.frame(10, [row(A, 1)]));
    const first = scene.client.last(A);
    const copy = structuredClone(first);
    socket.frame(line.frame(11, [row(A, 2)]));
    socket.say({ type: 'rows', rows: [line.announce(A)] });
    expect(first).toEqual(copy);
  });

  test('outlives its connection, as a stale one, whether or not somebody had looked', async () => {
    socket.frame(line.frame(10, [row(A, 1), row(B, 2)]));
    socket.frame(line.frame(11, [row(A, 3)]));
    const seen = scene.client.last(B);
    await reconnect();
    expect(scene.client.last(A)).toMatchObject({ last_price: 3, volume: 10, seq: 11 });
    expect(scene.client.last(B)).toBe(seen);
    expect([A, B].map((token) => scene.client.freshness(token))).toEqual(['stale', 'stale']);
    socket.frame(line.frame(12, [row(A, 4)]));
    expect([A, B].map((token) => scene.client.last(token)?.last_price)).toEqual([4, 2]);
    expect([A, B].map((token) => scene.client.freshness(token))).toEqual(['live', 'stale']);
  });
});

describe('announcements', () => {
  test('an id that is announced again has no record; the last value stays', () => {
    const shown = prices();
    socket.frame(line.frame(10, [row(A, 1)]));
    socket.say({ type: 'rows', rows: [line.announce(A, 0, 5, 75)] });
    expect(scene.client.last(A)?.last_price).toBe(1);
    expect(scene.client.freshness(A)).toBe('live');
    // In the scale of the announcement: with the old one the price would be another.
    socket.frame(line.frame(11, [row(A, 2)]));
    socket.frame(line.frame(12, [row(A, 3)]));
    expect(shown).toEqual([1, 2, 3]);
    expect(errors).toEqual([]);
  });

  test('ids change their instruments, and each keeps its own value until its next row', () => {
    socket.frame(line.frame(10, [row(A, 1), row(B, 2)]));
    const rows = [line.announce(A, 1), line.announce(B, 0)];
    socket.say({ type: 'rows', rows });
    expect([A, B].map((token) => scene.client.last(token)?.last_price)).toEqual([1, 2]);
    socket.frame(line.frame(11, [row(B, 4)]));
    expect([A, B].map((token) => scene.client.last(token)?.last_price)).toEqual([1, 4]);
  });

  test('an instrument under a new id is dead under the old one', () => {
    const old = new RowLine();
    old.announce(A, 0);
    socket.frame(line.frame(10, [row(A, 1)]));
    socket.say({ type: 'rows', rows: [line.announce(A, 7)] });
    socket.frame(old.frame(11, [row(A, 9)], true));
    expect(errors).toEqual([{ kind: 'protocol', message: "a row of id 0, which is nobody's" }]);
    expect(scene.client.last(A)?.last_price).toBe(1);
  });

  test('a symbol is known by the row that has it', async () => {
    const other = createScene();
    other.client.subscribe([`NSE:S${A}`]);
    const server = await other.connect();
    server.acknowledge({ tokens: [A], rows: [line.announce(A)] });
    server.frame(line.frame(10, [row(A, 1)]));
    expect(other.client.last(`NSE:S${A}`)?.last_price).toBe(1);
    expect(other.client.freshness(`nse:s${A}`)).toBe('live');
  });

  test('what is none is left out', () => {
    const good = line.announce(B, WIRE_ROW_IDS_MAX - 1);
    const at = (place: number, value: unknown) => good.map((field, i) => (i === place ? value : field));
    const bad = [[], 5, null, at(0, WIRE_ROW_IDS_MAX), at(0, -1), at(0, 0.5), at(1, 0), at(2, '1')];
    const rows = [...bad, at(3, null), at(4, 1), at(5, undefined), good];
    socket.say({ type: 'rows', rows: rows as unknown as RowTuple[] });
    socket.say({ type: 'rows' });
    socket.frame(line.frame(10, [row(B, 2)]));
    expect(scene.client.last(B)?.last_price).toBe(2);
    expect(errors).toEqual([]);
  });
});

describe('a value that comes again', () => {
  const recovery = { recovered: true };

  test('after missed ticks is not shown, and is where the next resume goes on', async () => {
    const shown = prices();
    socket.frame(line.frame(10, [row(A, 1), row(B, 2)]));
    await reconnect(recovery);
    socket.frame(line.frame(10, [row(A, 1)]));
    socket.frame(line.frame(12, [row(B, 3)]));
    line.forget([A, B]);
    socket.frame(line.frame(30, [row(A, 1), row(B, 3)]));
    socket.say({ type: 'pong', id: socket.commands('ping').at(-1)?.id });
    expect(shown).toEqual([1, 2, 3]);
    expect([A, B].map((token) => scene.client.freshness(token))).toEqual(['live', 'live']);
    expect(scene.client.last(A)).toMatchObject({ last_price: 1, seq: 10 });
    await reconnect();
    expect(socket.commands('subscribe')[0]).toMatchObject({ resume: { epoch: 'e1', seq: 29 } });
  });

  test('confirms what waits for its snapshot', async () => {
    const shown = prices();
    socket.frame(line.frame(10, [row(A, 1), row(B, 2)]));
    await reconnect({ recovered: false, pending: [A] });
    socket.frame(line.frame(11, [row(A, 1)]));
    expect([A, B].map((token) => scene.client.freshness(token))).toEqual(['live', 'stale']);
    expect(shown).toEqual([1, 2]);
  });

  test('in another mode, or with other content of the same millisecond, is shown', () => {
    const shown = prices();
    const at = 1_764_000_000_500;
    const isNew = true;
    socket.frame(line.frame(10, [row(A, 1, at)]));
    socket.frame(line.frame(11, [{ ...row(A, 1, at), rank: 2 }]));
    socket.frame(line.frame(12, [{ ...row(A, 1, at), rank: 2 }], isNew));
    socket.frame(line.frame(13, [{ ...row(A, 7, at), rank: 2 }], isNew));
    expect(shown).toEqual([1, 1, 7]);
    expect(scene.client.last(A)?.last_price).toBe(7);
  });
});

describe('a frame that cannot be read', () => {
  const spoiled = (frame: ArrayBuffer) => {
    const bytes = new Uint8Array(frame);
    bytes[6] = (bytes[6] as number) ^ 1;
    return frame;
  };

  test('is told once, and no value is live before its next row; a restart is asked for, and again', () => {
    const shown = prices();
    socket.frame(line.frame(10, [row(A, 1), row(B, 2)]));
    socket.frame(spoiled(line.frame(11, [row(A, 3)])));
    socket.frame(line.frame(12, [row(A, 4)]));
    socket.frame(spoiled(line.frame(13, [row(A, 5)])));
    expect(errors).toEqual([{ kind: 'protocol', message: expect.stringContaining('frame check') }]);
    expect([A, B].map((token) => scene.client.freshness(token))).toEqual(['stale', 'stale']);
    expect(scene.client.last(A)?.last_price).toBe(1);
    scene.clock.advance(COMMAND_PAUSE_MS);
    expect(socket.commands('restart')).toEqual([{ action: 'restart' }]);
    scene.clock.advance(CLIENT_SDK_RESTART_MS - COMMAND_PAUSE_MS);
    expect(socket.commands('restart')).toHaveLength(1);
    scene.clock.advance(CLIENT_SDK_RESTART_MS + 2_000);
    expect(socket.commands('restart')).toHaveLength(2);
    socket.frame(line.frame(14, [row(A, 6), row(B, 2)], true));
    expect([A, B].map((token) => scene.client.freshness(token))).toEqual(['live', 'live']);
    expect(shown).toEqual([1, 2, 6]);
    for (let passed = 0; passed < 10 * CLIENT_SDK_RESTART_MS; passed += 1_000) {
      turn();
      socket.say({ type: 'pong' });
    }
    expect(socket.commands('restart')).toHaveLength(2);
    expect(errors).toHaveLength(1);
  });

  test('however often, restarts are asked for at a pace', () => {
    for (let seq = 10; seq < 30; seq++) {
      socket.frame(line.frame(seq, [row(A, seq)], true));
      socket.frame(spoiled(line.frame(seq, [row(A, seq)])));
      scene.clock.advance(100);
    }
    expect(errors).toHaveLength(20);
    expect(socket.commands('restart')).toHaveLength(1);
  });

  test('makes nothing live if it is a restart that could be read in part', () => {
    socket.frame(line.frame(10, [row(A, 1), row(B, 2)]));
    socket.frame(spoiled(line.frame(11, [row(A, 3)])));
    const other = new RowLine();
    for (const [id, token] of [A, B, 7].entries()) other.announce(token, id);
    socket.frame(other.frame(12, [row(A, 4), row(7, 1)], true));
    expect(scene.client.last(A)?.last_price).toBe(4);
    expect(scene.client.freshness(A)).toBe('stale');
    expect(errors).toHaveLength(1);
    scene.clock.advance(COMMAND_PAUSE_MS);
    expect(socket.commands('restart')).toHaveLength(1);
    socket.frame(line.frame(13, [row(A, 4), row(B, 2)], true));
    expect([A, B].map((token) => scene.client.freshness(token))).toEqual(['live', 'live']);
  });

  test('is one that is no restart and comes first', () => {
    line.frame(9, []);
    socket.frame(line.frame(10, [row(A, 1)]));
    expect(errors).toEqual([{ kind: 'protocol', message: 'a frame came before the first restart' }]);
    scene.clock.advance(COMMAND_PAUSE_MS);
    expect(socket.commands('restart')).toHaveLength(1);
  });

  test('is one that is longer than any server sends', () => {
    socket.frame(new Uint8Array(WIRE_FRAME_BYTES_MAX + 1).fill(0x10).buffer);
    expect(errors[0]?.message).toContain(`at most ${WIRE_FRAME_BYTES_MAX}`);
    scene.clock.advance(COMMAND_PAUSE_MS);
    expect(socket.commands('restart')).toHaveLength(1);
  });

  test('leaves no value where it was in the middle of one, and the others as they were', () => {
    socket.frame(line.frame(10, [row(A, 1), row(B, 2)]));
    const other = new RowLine();
    for (const [at, token] of [A, B].entries()) other.announce(token, at);
    // A delta to a record that this client never had: its check is right, and so is its place.
    other.frame(10, [row(A, 40_000), row(B, 2)]);
    socket.frame(other.frame(11, [row(A, 2, 1_764_000_000_001)]));
    expect(errors).toHaveLength(1);
    expect(scene.client.last(A)).toBeUndefined();
    expect(scene.client.freshness(A)).toBe('unknown');
    expect(scene.client.last(B)?.last_price).toBe(2);
    expect(scene.client.freshness(B)).toBe('stale');
  });

  test('is no matter of the values that came as text', () => {
    socket.say(tick(A, 1, 100));
    socket.frame(new ArrayBuffer(8));
    expect(errors).toEqual([{ kind: 'protocol', message: 'frame version 0, this client reads version 1' }]);
    expect(scene.client.freshness(A)).toBe('live');
  });

  test('makes nobody believe that missed ticks have come', async () => {
    const recovered = vi.fn();
    scene.client.on('recovered', recovered);
    socket.frame(line.frame(10, [row(A, 1), row(B, 2)]));
    await reconnect({ recovered: true });
    socket.frame(spoiled(line.frame(11, [row(A, 3)])));
    socket.say({ type: 'pong', id: socket.commands('ping').at(-1)?.id });
    expect(recovered).not.toHaveBeenCalledWith({ tokens: expect.arrayContaining([A]) });
    expect(scene.client.freshness(A)).toBe('stale');
    scene.client.subscribe([A], { mode: 'full', speed: 'rt' });
    await reconnect();
    // Its position is not one to go on from.
    expect(socket.commands('subscribe')[0]).not.toHaveProperty('resume');
  });

  test('nor when the server says so after it', async () => {
    scene.client.setMode(B, 'quote');
    turn();
    socket.acknowledge();
    socket.frame(line.frame(10, [row(A, 1), { ...row(B, 2), rank: 2 }]));
    socket.drop(1006);
    scene.clock.advance(30_000);
    socket = await scene.connect();
    line = new RowLine();
    const [first, second] = socket.commands('subscribe');
    const rows = [line.announce(A), line.announce(B)];
    socket.say({ type: 'subscribed', id: first?.id, tokens: [A], recovered: true, rows });
    socket.frame(spoiled(line.frame(11, [row(A, 3)])));
    socket.say({ type: 'subscribed', id: second?.id, tokens: [B], recovered: true });
    socket.frame(line.frame(12, [{ ...row(B, 4), rank: 2 }]));
    for (const { id } of socket.commands('ping')) socket.say({ type: 'pong', id });
    expect([A, B].map((token) => scene.client.freshness(token))).toEqual(['stale', 'stale']);
    turn();
    expect(socket.commands('restart')).toHaveLength(1);
    socket.frame(line.frame(13, [row(A, 3), { ...row(B, 4), rank: 2 }], true));
    expect([A, B].map((token) => scene.client.freshness(token))).toEqual(['live', 'live']);
  });

  test('before the session began is reported and left', async () => {
    scene.client.close();
    scene = createScene();
    scene.client.on('error', (error) => errors.push(error));
    scene.client.connect();
    await scene.settle();
    scene.socket.open();
    scene.socket.frame(line.frame(10, []));
    expect(errors).toEqual([
      { kind: 'protocol', message: 'a binary frame before connected was left unread' },
    ]);
  });
});

test('who has a connection of his own reads frames with the same reader', () => {
  const reader = new FrameReader();
  reader.assign(0, A, scaleOf(1, 1));
  expect(reader.read(new Uint8Array(line.frame(10, [row(A, 1)])))).toBe(1);
  expect(reader.words[0]).toBe(A);
  expect(reader.byteOffset(1)).toBe(RECORD_WORDS_MAX * 4);
});
