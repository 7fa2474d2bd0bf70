// A client that stops reading: it costs nobody anything, catches up with the newest values, and is cut off if it never does.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { StreamClient, type TickData } from '../support/stream-client.ts';

let stack: TestStack;
let tokens: number[];

beforeAll(async () => {
  stack = await startTestStack({ instrumentsCount: 1_000, rate: 5 });
  const csv = await (await fetch(`${stack.info.kite?.api}/instruments`)).text();
  tokens = csv
    .split('\r\n')
    .slice(1)
    .map((row) => Number(row.split(',')[0]))
    .filter((token) => token > 0);
});
afterAll(() => stack?.stop());

async function ticksPosted(): Promise<number> {
  const status = await (await fetch(`${stack.info.sidecar}/status`)).json();
  return (status as { ticks_posted: number }).ticks_posted;
}

async function framesSent(): Promise<number> {
  const text = await (await fetch(`${stack.info.url}/metrics`)).text();
  const samples = [...text.matchAll(/^edge_frames_sent_total\{[^}]*\} (\d+)$/gm)];
  return samples.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Until the gateway holds back what comes: the kernel's buffers of both sides, tens of MB after much reading, come first. */
async function untilStalled(): Promise<void> {
  for (let second = 0; second < 60; second++) {
    const before = [await ticksPosted(), await framesSent()] as const;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const posted = (await ticksPosted()) - before[0];
    const sent = (await framesSent()) - before[1];
    if (posted > 0 && sent < posted / 5) return;
  }
  throw new Error('the gateway still sends to a client that does not read');
}

interface SlowClient {
  readonly socket: WebSocket;
  readonly last: Map<number, TickData>;
  readonly skipped: number[];
  /** The TCP socket below: pausing it is what a suspended laptop looks like from outside. */
  readonly tcp: Socket;
}

async function connectSlow(): Promise<SlowClient> {
  const socket = new WebSocket(`${stack.info.ws}?token=${stack.info.token}`, { perMessageDeflate: false });
  const last = new Map<number, TickData>();
  const skipped: number[] = [];
  socket.on('message', (data) => {
    const message = JSON.parse(String(data));
    if (message.type === 'tick') last.set(message.data.instrument_token, message.data);
    if (message.type === 'lag') skipped.push(message.skipped);
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ action: 'subscribe', tokens }));
  await vi.waitFor(() => expect(last.size).toBe(tokens.length), { timeout: 20_000 });
  return { socket, last, skipped, tcp: (socket as unknown as { _socket: Socket })._socket };
}

test('catches up with the newest values and is told what it missed; its neighbour misses nothing', async () => {
  // Few instruments: what it is told must depend on the slow one, and not on how much of the machine this test gets.
  const few = tokens.slice(0, 20);
  const neighbour = new StreamClient(`${stack.info.ws}?token=${stack.info.token}`, few).start();
  await vi.waitFor(() => expect(neighbour.last.size).toBe(few.length), { timeout: 20_000 });
  const slow = await connectSlow();
  slow.tcp.pause();
  const pausedAtMs = Date.now();
  await untilStalled();
  const before = await ticksPosted();
  await vi.waitFor(async () => expect((await ticksPosted()) - before).toBeGreaterThan(3_000), {
    timeout: 30_000,
    interval: 100,
  });
  slow.tcp.resume();
  const resumedAtMs = Date.now();
  const isCurrent = () =>
    tokens.every((token) => Date.parse(slow.last.get(token)?.received_at ?? '') >= resumedAtMs);
  await vi.waitFor(() => expect(isCurrent()).toBe(true), { timeout: 15_000 });
  await vi.waitFor(() => expect(slow.skipped.length).toBeGreaterThan(0), { timeout: 5_000 });
  expect(slow.skipped.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(1_000);
  expect(resumedAtMs - pausedAtMs).toBeGreaterThan(1_000);
  expect(neighbour.backward).toEqual([]);
  expect(neighbour.connects).toBe(1);
  expect(neighbour.messages.filter(({ type }) => type === 'lag')).toEqual([]);
  slow.socket.terminate();
  neighbour.stop();
});

test('one that never reads again is closed with 4008 and leaves nothing behind', async () => {
  const slow = await connectSlow();
  slow.tcp.pause();
  const connections = async () => {
    const stats = (await (await fetch(`${stack.info.url}/ws/stats`)).json()) as {
      active_connections: number;
    };
    return stats.active_connections;
  };
  expect(await connections()).toBe(1);
  await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 60_000, interval: 500 });
  const closed = once(slow.socket, 'close');
  slow.tcp.resume();
  const [code] = await closed;
  expect(code).toBe(4008);
});
