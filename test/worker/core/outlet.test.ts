// One client's way out: bounded whatever the client does, complete in the end, and quick to tell slow from gone.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLIENT_BACKLOG_BYTES_MAX, CLIENT_STALLED_MS_MAX } from '../../../shared/limits.ts';
import { Outlet } from '../../../worker/core/outlet.ts';

/** A socket that keeps what it is sent until it is told to let some of it go. */
class SocketDouble {
  bufferedBytes = 0;
  tells = true;
  readonly frames: string[] = [];
  readonly outlet = new Outlet({ kind: 'messages', encodeTick: () => '' }, () => '', {
    send: (frame) => {
      this.frames.push(frame as string);
      this.bufferedBytes += frame.length;
    },
    bufferedBytes: () => (this.tells ? this.bufferedBytes : undefined),
  });

  drain(flush: number, nowMs: number, frameOf: (slot: number) => string = () => FRAME): number {
    return this.outlet.drain(flush, nowMs, (held) => {
      let sent = 0;
      for (const slot of held) {
        if (!this.outlet.hasRoomLeft) break;
        held.delete(slot);
        this.outlet.deliver(frameOf(slot));
        sent++;
      }
      return sent;
    });
  }
}

const FRAME = 'x'.repeat(1_000);
const FRAMES_MAX = Math.ceil(CLIENT_BACKLOG_BYTES_MAX / FRAME.length);

function sendAll(socket: SocketDouble, flush: number, slots: number): void {
  for (let slot = 0; slot < slots; slot++) {
    if (socket.outlet.hasRoom(flush)) socket.outlet.deliver(FRAME);
    else socket.outlet.hold(slot);
  }
}

describe('the backlog', () => {
  test('is what a socket is given and no more, within one flush and over many', () => {
    const socket = new SocketDouble();
    for (let flush = 1; flush < 50; flush++) sendAll(socket, flush, 100);
    expect(socket.frames).toHaveLength(FRAMES_MAX);
    expect(socket.outlet.isWaiting).toBe(true);
  });

  test('of a runtime that does not tell what it holds is one per flush', () => {
    const socket = new SocketDouble();
    socket.tells = false;
    sendAll(socket, 1, 100);
    expect(socket.frames).toHaveLength(FRAMES_MAX);
    expect(socket.drain(2, 0)).toBe(100 - FRAMES_MAX);
    expect(socket.outlet.isWaiting).toBe(false);
  });
});

test('under any reading speed: memory is bounded, order is kept, and in the end everything was sent', () => {
  const step = fc.oneof(
    fc.record({ slot: fc.nat(9), bytes: fc.integer({ min: 1, max: 30_000 }) }),
    fc.record({ reads: fc.nat(80_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const socket = new SocketDouble();
      const current = new Map<number, string>();
      let [flush, version] = [0, 0];
      const sentVersions: number[] = [];
      const frameOf = (slot: number) => current.get(slot) as string;
      for (const each of steps) {
        flush++;
        if ('reads' in each) {
          socket.bufferedBytes = Math.max(0, socket.bufferedBytes - each.reads);
          socket.drain(flush, 0, frameOf);
        } else {
          current.set(each.slot, `${each.slot}:${++version}:`.padEnd(each.bytes, '.'));
          if (socket.outlet.hasRoom(flush)) socket.outlet.deliver(frameOf(each.slot));
          else socket.outlet.hold(each.slot);
        }
        expect(socket.bufferedBytes).toBeLessThan(CLIENT_BACKLOG_BYTES_MAX + 30_000);
      }
      while (socket.outlet.isWaiting) {
        socket.bufferedBytes = 0;
        socket.drain(++flush, 0, frameOf);
      }
      const last = new Map<string, number>();
      for (const frame of socket.frames) {
        const [slot = '', sent] = frame.split(':');
        sentVersions.push(Number(sent));
        expect(Number(sent), 'no older value after a newer one').toBeGreaterThan(last.get(slot) ?? 0);
        last.set(slot, Number(sent));
      }
      for (const [slot, frame] of current) {
        expect(last.get(String(slot)), 'the newest value was sent').toBe(Number(frame.split(':')[1]));
      }
      expect(sentVersions.length + socket.outlet.takeSkipped(), 'sent or counted as skipped').toBe(version);
    }),
    { numRuns: 300 },
  );
});

describe('a client that takes nothing', () => {
  test(`is stalled after ${CLIENT_STALLED_MS_MAX} ms of it, not before`, () => {
    const socket = new SocketDouble();
    sendAll(socket, 1, 100);
    socket.drain(2, 1_000);
    expect(socket.outlet.isStalled(1_000 + CLIENT_STALLED_MS_MAX - 1)).toBe(false);
    expect(socket.outlet.isStalled(1_000 + CLIENT_STALLED_MS_MAX)).toBe(true);
  });

  test('is given the whole time again by every byte that it reads', () => {
    const socket = new SocketDouble();
    sendAll(socket, 1, 100);
    socket.drain(2, 0);
    socket.bufferedBytes -= 1;
    socket.drain(3, CLIENT_STALLED_MS_MAX - 1);
    expect(socket.outlet.isStalled(CLIENT_STALLED_MS_MAX + 1)).toBe(false);
    socket.drain(4, CLIENT_STALLED_MS_MAX);
    expect(socket.outlet.isStalled(2 * CLIENT_STALLED_MS_MAX - 1)).toBe(false);
    expect(socket.outlet.isStalled(2 * CLIENT_STALLED_MS_MAX)).toBe(true);
  });

  test('is not stalled while nothing waits for it', () => {
    const socket = new SocketDouble();
    sendAll(socket, 1, 100);
    socket.drain(2, 0);
    socket.bufferedBytes = 0;
    socket.drain(3, 1);
    expect(socket.outlet.isWaiting).toBe(false);
    expect(socket.outlet.isStalled(10 * CLIENT_STALLED_MS_MAX)).toBe(false);
  });
});

test('replaced ticks are counted once, those that waited and were sent are not', () => {
  const socket = new SocketDouble();
  for (const slot of [1, 2, 1, 1, 3]) socket.outlet.hold(slot);
  expect(socket.outlet.takeSkipped()).toBe(2);
  expect(socket.outlet.takeSkipped()).toBe(0);
  const sent: number[] = [];
  socket.drain(1, 0, (slot) => {
    sent.push(slot);
    return FRAME;
  });
  expect([sent, socket.outlet.takeSkipped()]).toEqual([[1, 2, 3], 0]);
});

describe('heartbeats', () => {
  test('are sent when no tick was since the last look', () => {
    const socket = new SocketDouble();
    const beat = () => {
      socket.outlet.keepAlive('beat');
      socket.bufferedBytes = 0;
      return socket.frames.splice(0);
    };
    expect([beat(), beat()]).toEqual([['beat'], ['beat']]);
    socket.outlet.deliver('tick');
    expect([beat(), beat(), beat()]).toEqual([['tick'], ['beat'], ['beat']]);
  });

  test('do not fill a socket that still has something to send', () => {
    const socket = new SocketDouble();
    socket.bufferedBytes = 1;
    socket.outlet.keepAlive('beat');
    expect(socket.frames).toEqual([]);
    socket.tells = false;
    socket.outlet.keepAlive('beat');
    expect(socket.frames).toEqual(['beat']);
  });
});
