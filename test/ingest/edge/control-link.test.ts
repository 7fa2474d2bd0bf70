// The sidecar's end of the control link over real sockets, on a clock of the test's.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { accountHandlers } from '../../../ingest/edge/account-questions.ts';
import { ControlLink, type ControlLinkOptions } from '../../../ingest/edge/control-link.ts';
import type { ControlMessage, ControlRequest } from '../../../shared/control.ts';
import { AppError } from '../../../shared/errors.ts';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import {
  CONTROL_BACKOFF_MS_MAX,
  CONTROL_BACKOFF_MS_MIN,
  CONTROL_HANDSHAKE_MS_MAX,
  CONTROL_MESSAGE_BYTES_MAX,
  CONTROL_PING_MS,
  CONTROL_REQUESTS_MAX,
  CONTROL_SILENCE_MS_MAX,
  CONTROL_STABLE_MS,
} from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { FakeControl } from '../support/fake-control.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

const SECRET = 'a secret of more than thirty-two characters';
const EPOCH = 1_764_000_000_000;
const INFY = 408_065 as InstrumentToken;

let edge: FakeControl;
let clock: ManualClock;
let link: ControlLink;
let lines: string[];
let notPlaced: ControlLinkOptions['handlers']['not_placed'];
const onWakeUp = vi.fn<ControlLinkOptions['onWakeUp']>();
const onOpen = vi.fn<() => void>();
const onSuperseded = vi.fn<(reason: string) => void>();

beforeEach(async () => {
  vi.resetAllMocks();
  edge = await FakeControl.start(SECRET);
  clock = new ManualClock();
  notPlaced = async () => ({ total: 1, tokens: [INFY] });
  const recorded = recordingLog();
  lines = recorded.lines;
  link = new ControlLink({
    edgeUrl: edge.url,
    secret: SECRET,
    epoch: EPOCH,
    handlers: {
      not_placed: (question) => notPlaced(question),
      ...accountHandlers(undefined, () => undefined),
    },
    clock,
    random: () => 0.5,
    log: recorded.log,
    onWakeUp,
    onOpen,
    onSuperseded,
  });
});
afterEach(async () => {
  link.stop();
  await edge.stop();
});

async function open(times = 1): Promise<void> {
  if (times === 1) link.start();
  await eventually(() => expect(onOpen).toHaveBeenCalledTimes(times));
}

/** Resolves when the link has given up its socket, and the wait for the next dial. */
async function lost(): Promise<number> {
  await eventually(() => expect(lines.at(-1)).toContain('retryInMs'));
  expect(clock.delaysMs).toHaveLength(1);
  return clock.delaysMs[0] ?? 0;
}

const request = (parts: Partial<ControlRequest> = {}): ControlRequest => ({
  kind: 'request',
  id: 'boot:1',
  name: 'not_placed',
  deadline_ms: 1_000,
  payload: null,
  ...parts,
});
const replies = (count: number): Promise<readonly ControlMessage[]> =>
  eventually(() => {
    expect(edge.received).toHaveLength(count);
    return edge.received;
  });

/** So many pings were sent, and the answer to the last one was heard: what comes after it was answered. */
async function answered(pings: number): Promise<void> {
  await eventually(() => expect(edge.pings).toBe(pings));
  const before = edge.received.length;
  edge.say(request({ id: `after ping ${pings}` }));
  await replies(before + 1);
}

test('dials with a signature over path, time and epoch, each dial at a later time', async () => {
  await open();
  expect(edge.dials).toEqual([{ path: '/ingest/control', timeMs: EPOCH, epoch: EPOCH, isSigned: true }]);
  edge.socket?.terminate();
  clock.advance(await lost());
  await open(2);
  expect(edge.dials[1]).toMatchObject({ isSigned: true, epoch: EPOCH });
  expect(edge.dials[1]?.timeMs).toBeGreaterThan(EPOCH);
});

test('answers a request under its id', async () => {
  await open();
  edge.say(request({ id: 'boot:7' }));
  expect(await replies(1)).toEqual([
    { kind: 'reply', id: 'boot:7', ok: true, payload: { total: 1, tokens: [INFY] } },
  ]);
});

test('says what is wrong with a request, and of an unexpected fault nothing', async () => {
  await open();
  edge.say(request({ name: 'tea' }));
  edge.say(request({ name: 'constructor' }));
  await replies(2);
  notPlaced = async () => {
    throw new AppError('invalid_parameter', 'page 0');
  };
  edge.say(request());
  await replies(3);
  notPlaced = async () => {
    throw new Error('secret of ours');
  };
  edge.say(request());
  const codes = (await replies(4)).map((reply) =>
    reply.kind === 'reply' && !reply.ok ? [reply.code, reply.message] : [],
  );
  expect(codes).toEqual([
    ['unknown_request', 'request tea is not known here'],
    ['unknown_request', 'request constructor is not known here'],
    ['invalid_parameter', 'page 0'],
    ['internal', 'internal error'],
  ]);
  expect(lines.at(-1)).toContain('secret of ours');
});

test('an answer that comes too late is not sent, nor one over a later socket', async () => {
  await open();
  const finish: (() => void)[] = [];
  notPlaced = async () => {
    await new Promise<void>((resolve) => finish.push(resolve));
    return { total: 0, tokens: [] };
  };
  edge.say(request({ deadline_ms: 500 }));
  await eventually(() => expect(finish).toHaveLength(1));
  clock.skip(501);
  finish[0]?.();
  edge.say(request({ id: 'boot:2' }));
  await eventually(() => expect(finish).toHaveLength(2));
  edge.socket?.terminate();
  clock.advance(await lost());
  await open(2);
  finish[1]?.();
  notPlaced = async () => ({ total: 3, tokens: [] });
  edge.say(request({ id: 'boot:3' }));
  expect(await replies(1)).toMatchObject([{ id: 'boot:3' }]);
});

test('an answer that does not fit a message is a refusal that does', async () => {
  await open();
  const token = 4_294_967_295 as InstrumentToken;
  notPlaced = async () => ({
    total: 0,
    tokens: Array<InstrumentToken>(Math.ceil(CONTROL_MESSAGE_BYTES_MAX / 11)).fill(token),
  });
  edge.say(request());
  expect(await replies(1)).toMatchObject([{ ok: false, code: 'message_too_big' }]);
});

test('no more requests are worked on than may be', async () => {
  await open();
  const finish: (() => void)[] = [];
  notPlaced = async () => {
    await new Promise<void>((resolve) => finish.push(resolve));
    return { total: 0, tokens: [] };
  };
  for (let i = 0; i <= CONTROL_REQUESTS_MAX; i++) edge.say(request({ id: `boot:${i}` }));
  expect(await replies(1)).toMatchObject([
    { id: `boot:${CONTROL_REQUESTS_MAX}`, code: 'sidecar_unavailable' },
  ]);
  expect(finish).toHaveLength(CONTROL_REQUESTS_MAX);
  for (const done of finish) done();
  await replies(CONTROL_REQUESTS_MAX + 1);
});

test('hears wake-ups, and passes over what it does not know', async () => {
  await open();
  edge.say('pong');
  edge.say('{');
  edge.say({ kind: 'wake_up', name: 'of a later version' });
  edge.say({ kind: 'reply', id: 'nobody asked', ok: true, payload: 1 });
  edge.say({ kind: 'wake_up', name: 'subscriptions_changed' });
  edge.say({ kind: 'wake_up', name: 'accounts_changed' });
  await eventually(() =>
    expect(onWakeUp.mock.calls).toEqual([['subscriptions_changed'], ['accounts_changed']]),
  );
  expect(edge.closeCodes).toEqual([]);
});

test('a message over the limit ends the socket, not the link', async () => {
  await open();
  edge.say({ kind: 'wake_up', name: 'x'.repeat(CONTROL_MESSAGE_BYTES_MAX) });
  clock.advance(await lost());
  await open(2);
  expect(edge.closeCodes).toEqual([1009]);
});

test('proves the link now and then', async () => {
  await open();
  for (let ping = 1; ping * CONTROL_PING_MS < 3 * CONTROL_SILENCE_MS_MAX; ping++) {
    await answered(ping);
    clock.advance(CONTROL_PING_MS);
  }
  expect(edge.closeCodes).toEqual([]);
});

test('gives the link up when nothing comes back', async () => {
  edge.isAlive = false;
  await open();
  for (let ping = 1; ping * CONTROL_PING_MS < CONTROL_SILENCE_MS_MAX; ping++) clock.advance(CONTROL_PING_MS);
  expect(lines.at(-1)).not.toContain('nothing heard');
  clock.advance(CONTROL_PING_MS);
  expect(lines.at(-1)).toContain('nothing heard for');
  clock.advance(await lost());
  await open(2);
});

test('an edge that never answers the dial is given up, and asked again after ever longer waits', async () => {
  edge.answer = 'never';
  link.start();
  const waits: number[] = [];
  for (let dial = 1; dial <= 8; dial++) {
    await eventually(() => expect(edge.dials).toHaveLength(dial));
    clock.advance(CONTROL_HANDSHAKE_MS_MAX);
    waits.push(clock.delaysMs[0] ?? 0);
    clock.advance(clock.delaysMs[0] ?? 0);
  }
  expect(waits[0]).toBe(CONTROL_BACKOFF_MS_MIN / 2);
  expect(waits[1]).toBe(CONTROL_BACKOFF_MS_MIN);
  expect(waits.at(-1)).toBe(CONTROL_BACKOFF_MS_MAX / 2);
  expect(lines.filter((line) => line.includes('control link lost'))).toHaveLength(1);
});

test('refused for another reason it comes again; a link that lived for a while forgets earlier failures', async () => {
  edge.answer = 401;
  link.start();
  expect(await lost()).toBe(CONTROL_BACKOFF_MS_MIN / 2);
  edge.answer = 'accept';
  clock.advance(CONTROL_BACKOFF_MS_MIN / 2);
  await eventually(() => expect(onOpen).toHaveBeenCalledTimes(1));
  for (let ping = 1; (ping - 1) * CONTROL_PING_MS < CONTROL_STABLE_MS; ping++) {
    await answered(ping);
    clock.advance(CONTROL_PING_MS);
  }
  edge.socket?.terminate();
  expect(await lost()).toBe(CONTROL_BACKOFF_MS_MIN / 2);
});

test('a dial that is refused with 409 says that a later sidecar is active: the link is over', async () => {
  edge.answer = 409;
  link.start();
  await eventually(() =>
    expect(onSuperseded).toHaveBeenCalledExactlyOnceWith('control link refused with 409'),
  );
  expect(clock.delaysMs).toEqual([]);
});

test('a socket that is closed with 4009 says the same', async () => {
  await open();
  edge.socket?.close(4009, 'epoch 2 is active');
  const reason = 'control link closed with 4009 epoch 2 is active';
  await eventually(() => expect(onSuperseded).toHaveBeenCalledExactlyOnceWith(reason));
  expect(clock.delaysMs).toEqual([]);
});

test('stopped, it neither dials nor answers', async () => {
  await open();
  link.stop();
  await eventually(() => expect(edge.closeCodes).toEqual([1006]));
  expect(clock.delaysMs).toEqual([]);
});

test('a notice is sent while the link is open, and is nobody’s afterwards', async () => {
  link.notify('order_update', '{"order_id":"0"}');
  await open();
  link.notify('order_update', '{"order_id":"1"}');
  expect(await replies(1)).toEqual([{ kind: 'notice', name: 'order_update', payload: '{"order_id":"1"}' }]);
  edge.socket?.terminate();
  const waitMs = await lost();
  link.notify('order_update', '{"order_id":"2"}');
  clock.advance(waitMs);
  await open(2);
  link.notify('order_update', '{"order_id":"3"}');
  expect(await replies(2)).toMatchObject([{}, { payload: '{"order_id":"3"}' }]);
});
