// One connection against a fake socket: bounds of its buffer, and heartbeats by the clock that it is given.
import { expect, test } from 'vitest';
import { listInstruments } from '../../../ingest/simulator/core/instrument-list.ts';
import { Market } from '../../../ingest/simulator/core/market.ts';
import {
  TickerConnection,
  type TickerSocket,
  UNDISTURBED,
} from '../../../ingest/simulator/ticker-connection.ts';
import { SIMULATOR_SOCKET_BUFFER_BYTES_MAX } from '../../../shared/limits.ts';

class FakeSocket implements TickerSocket {
  bufferedAmount = 0;
  readonly sent: (Uint8Array | string)[] = [];

  send(data: Uint8Array | string): void {
    this.sent.push(data);
  }

  close(): void {
    this.bufferedAmount = 0;
  }

  terminate(): void {
    this.bufferedAmount = 0;
  }
}

const account = { apiKey: 'k', apiSecret: 's', accessToken: 't', userId: 'u' };

function connect(instrumentsCount = 500) {
  const market = new Market({
    listing: listInstruments({ tradingDate: '2026-11-23', instrumentsCount }),
    seed: 1,
    startMs: Date.parse('2026-11-23T05:00:00Z'),
    ticksPerInstrumentPerSecond: 1,
  });
  const socket = new FakeSocket();
  return { market, socket, connection: new TickerConnection(1, socket, account, market, 0) };
}

test('a reader that is too slow loses frames, not memory, and goes on when it has caught up', () => {
  const { market, socket, connection } = connect();
  connection.subscribe(0, 'full');
  market.refresh(0);
  socket.bufferedAmount = SIMULATOR_SOCKET_BUFFER_BYTES_MAX + 1;
  connection.append(0);
  connection.flush(10, UNDISTURBED);
  expect(socket.sent).toEqual([]);
  expect(connection.status).toMatchObject({ framesSent: 0, framesDropped: 1, packetsSent: 0 });
  socket.bufferedAmount = SIMULATOR_SOCKET_BUFFER_BYTES_MAX;
  connection.append(0);
  connection.flush(20, UNDISTURBED);
  expect(socket.sent).toHaveLength(1);
  expect(connection.status).toMatchObject({ framesSent: 1, framesDropped: 1, packetsSent: 1 });
});

test('a heartbeat each second without anything else', () => {
  const { market, socket, connection } = connect();
  connection.flush(999, UNDISTURBED);
  expect(socket.sent).toEqual([]);
  connection.flush(1_000, UNDISTURBED);
  expect(socket.sent).toEqual([new Uint8Array(1)]);
  connection.subscribe(0, 'ltp');
  market.refresh(0);
  connection.append(0);
  connection.flush(1_900, UNDISTURBED);
  connection.flush(2_800, UNDISTURBED);
  expect(socket.sent).toHaveLength(2);
  connection.flush(2_900, UNDISTURBED);
  expect(socket.sent).toHaveLength(3);
  connection.flush(9_000, { ticks: false, heartbeats: false });
  expect(socket.sent).toHaveLength(3);
  connection.append(0);
  connection.flush(10_000, { ticks: false, heartbeats: true });
  expect(socket.sent.slice(3)).toEqual([new Uint8Array(1)]);
  socket.bufferedAmount = SIMULATOR_SOCKET_BUFFER_BYTES_MAX + 1;
  connection.flush(20_000, UNDISTURBED);
  expect(socket.sent).toHaveLength(4);
});

test('a frame of 3,000 full packets holds them all', () => {
  const { market, socket, connection } = connect(3_100);
  for (let slot = 100; slot < 3_100; slot++) {
    expect(connection.subscribe(slot, 'full')).toBe('added');
    market.refresh(slot);
  }
  expect(connection.subscribe(0, 'full')).toBe('refused');
  for (let slot = 0; slot < 3_100; slot++) connection.append(slot);
  connection.flush(0, UNDISTURBED);
  const [frame] = socket.sent as Uint8Array[];
  expect(frame?.byteLength).toBe(2 + 3_000 * 186);
  expect(new DataView(frame!.buffer).getUint16(0)).toBe(3_000);
});

test('what was sent does not change when the next frame is written', () => {
  const { market, socket, connection } = connect();
  connection.subscribe(5, 'full');
  market.refresh(5);
  connection.append(5);
  connection.flush(0, UNDISTURBED);
  const [frame] = socket.sent as Uint8Array[];
  const copy = frame!.slice();
  connection.subscribe(5, 'ltp');
  market.advance(market.nowMs + 500, () => undefined);
  market.refresh(5);
  connection.append(5);
  connection.flush(50, UNDISTURBED);
  expect(frame).toEqual(copy);
  expect(socket.sent).toHaveLength(2);
});
