// A client's way out: what a slow socket gets, what it is spared, and when it is given up.
import { describe, expect, test } from 'vitest';
import { CLIENT_BACKLOG_BYTES_MAX, CLIENT_STALLED_MS_MAX } from '../../../shared/limits.ts';
import { Outlet } from '../../../worker/core/outlet.ts';

/** A socket that holds what it is sent until the test lets it go. */
class TestSocket {
  readonly frames: string[] = [];
  bufferedBytes = 0;
  tellsBuffered = true;
  readonly outlet = new Outlet(() => '', {
    send: (frame) => {
      this.frames.push(frame);
      this.bufferedBytes += frame.length;
    },
    bufferedBytes: () => (this.tellsBuffered ? this.bufferedBytes : undefined),
  });
}

const FRAME = 'x'.repeat(1_000);
const encode = (slot: number) => `${slot}`.padEnd(1_000, '.');

/** Fills the socket in flush 1 until it has no room. */
function fill(socket: TestSocket): number {
  let sent = 0;
  while (socket.outlet.hasRoom(1)) {
    socket.outlet.deliver(FRAME);
    sent++;
  }
  return sent;
}

describe('a full socket', () => {
  test('is given one backlog and not a frame more', () => {
    const socket = new TestSocket();
    expect(fill(socket)).toBe(Math.ceil(CLIENT_BACKLOG_BYTES_MAX / FRAME.length));
    expect(socket.outlet.hasRoom(2)).toBe(false);
    socket.bufferedBytes = 0;
    expect(socket.outlet.hasRoom(2)).toBe(false);
    expect(socket.outlet.hasRoom(3)).toBe(true);
  });

  test('gets what waited in order, each instrument once, and hears how much was skipped', () => {
    const socket = new TestSocket();
    const sent = fill(socket);
    for (const slot of [7, 3, 7, 7, 5]) socket.outlet.hold(slot);
    expect(socket.outlet.drain(2, 0, encode)).toBe(0);
    socket.bufferedBytes = 0;
    expect(socket.outlet.drain(3, 10, encode)).toBe(3);
    expect(socket.frames.slice(sent).map((frame) => Number.parseInt(frame, 10))).toEqual([7, 3, 5]);
    expect([socket.outlet.isWaiting, socket.outlet.takeSkipped(), socket.outlet.takeSkipped()]).toEqual([
      false,
      2,
      0,
    ]);
  });

  test('nothing overtakes what waits, even when there is room again', () => {
    const socket = new TestSocket();
    fill(socket);
    socket.outlet.hold(1);
    socket.bufferedBytes = 0;
    expect(socket.outlet.hasRoom(2)).toBe(false);
    socket.outlet.drain(2, 0, encode);
    expect(socket.outlet.hasRoom(3)).toBe(true);
  });

  test('an instrument without anything to send any more is passed over', () => {
    const socket = new TestSocket();
    socket.outlet.hold(1);
    socket.outlet.hold(2);
    expect(socket.outlet.drain(1, 0, (slot) => (slot === 1 ? undefined : encode(slot)))).toBe(1);
    expect(socket.outlet.isWaiting).toBe(false);
  });
});

describe('a stalled socket', () => {
  test('is given up after the limit without movement, not before, and not while it moves', () => {
    const socket = new TestSocket();
    fill(socket);
    for (let slot = 0; slot < 500; slot++) socket.outlet.hold(slot);
    let nowMs = 1_000;
    let flush = 2;
    const look = (afterMs: number) => {
      nowMs += afterMs;
      socket.outlet.drain(flush++, nowMs, encode);
      return socket.outlet.isStalled(nowMs);
    };
    expect(look(0)).toBe(false);
    expect(look(CLIENT_STALLED_MS_MAX - 1)).toBe(false);
    socket.bufferedBytes -= 10;
    expect(look(1)).toBe(false);
    expect(look(1)).toBe(false);
    expect(look(CLIENT_STALLED_MS_MAX - 1)).toBe(false);
    expect(look(1)).toBe(true);
    socket.bufferedBytes = 0;
    expect(look(1)).toBe(false);
  });

  test('an earlier episode does not count for a later one', () => {
    const socket = new TestSocket();
    fill(socket);
    socket.outlet.hold(1);
    socket.outlet.drain(2, 0, encode);
    socket.bufferedBytes = 0;
    socket.outlet.drain(3, 5_000, encode);
    while (socket.outlet.hasRoom(4)) socket.outlet.deliver(FRAME);
    socket.outlet.hold(1);
    socket.outlet.drain(5, 60_000, encode);
    expect(socket.outlet.isStalled(60_000)).toBe(false);
  });
});

test('a runtime that does not tell what it holds gets one backlog per flush', () => {
  const socket = new TestSocket();
  socket.tellsBuffered = false;
  const first = fill(socket);
  expect(socket.outlet.hasRoom(1)).toBe(false);
  expect(socket.outlet.hasRoom(2)).toBe(true);
  expect(first).toBe(Math.ceil(CLIENT_BACKLOG_BYTES_MAX / FRAME.length));
});
