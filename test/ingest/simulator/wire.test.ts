// The valve on a real TCP connection: open it changes nothing, dripping it loses nothing, frozen it tells nothing.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Wire } from '../../../ingest/simulator/wire.ts';
import { eventually } from '../support/eventually.ts';

const servers: Server[] = [];
const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A client, and the server's side of its connection behind a wire. */
async function join(): Promise<{ client: Socket; wire: Wire; received: () => Buffer }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  clients.push(client);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const chunks: Buffer[] = [];
  client.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { client, wire: new Wire(socket), received: () => Buffer.concat(chunks) };
}

const pattern = (bytes: number) => Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => at % 251));

test('both ways, corked writes and the ends', async () => {
  const { client, wire, received } = await join();
  const bytes = pattern(300_000);
  wire.cork();
  wire.write(bytes.subarray(0, 10));
  wire.write(bytes.subarray(10));
  wire.uncork();
  await eventually(() => expect(received().length).toBe(bytes.length));
  expect(received()).toEqual(bytes);
  client.write('hello');
  const [said] = await once(wire, 'data');
  expect(String(said)).toBe('hello');
  const ended = once(wire, 'end');
  client.end();
  await ended;
  const closed = once(client, 'close');
  wire.end();
  await closed;
});

test('a drip comes bit by bit, whole, and faster when it is let go', async () => {
  const { wire, received } = await join();
  wire.setDrip(200);
  const bytes = pattern(1_000);
  let isDone = false;
  wire.write(bytes, () => {
    isDone = true;
  });
  await eventually(() => expect(received().length).toBeGreaterThan(0));
  // Ten bytes at a time: it cannot all be there.
  expect(received().length).toBeLessThan(bytes.length);
  expect(isDone).toBe(false);
  expect(wire.writableLength).toBe(bytes.length);
  wire.setDrip(undefined);
  await eventually(() => expect(received().length).toBe(bytes.length));
  expect(received()).toEqual(bytes);
  wire.setDrip(100_000);
  await new Promise((resolve) => wire.write(bytes, resolve));
  await eventually(() => expect(received().length).toBe(2 * bytes.length));
});

test('frozen, nothing goes out or comes in, not even the end of the other side; then all of it does, in order', async () => {
  const { client, wire, received } = await join();
  const heard: string[] = [];
  wire.on('data', (chunk) => heard.push(String(chunk)));
  wire.on('end', () => heard.push('end'));
  client.write('one ');
  await eventually(() => expect(heard.join('')).toBe('one '));
  wire.setFrozen(true);
  wire.write('held ');
  wire.end('last');
  client.end('two ');
  // A second connection does its whole round meanwhile: had anything moved, it would be there.
  const other = await join();
  other.wire.pipe(other.wire);
  other.client.write('x');
  await eventually(() => expect(other.received().toString()).toBe('x'));
  expect(heard.join('')).toBe('one ');
  expect(received().length).toBe(0);
  wire.setFrozen(false);
  await eventually(() => expect(heard.join('')).toBe('one two end'));
  await eventually(() => expect(received().toString()).toBe('held last'));
});

test('destroyed while it holds something back, it lets go of its connection', async () => {
  const { client, wire } = await join();
  wire.setDrip(1);
  wire.write(pattern(100));
  wire.setFrozen(true);
  const closed = once(client, 'close');
  wire.destroy();
  await closed;
});

test('who reads late what had come before the freeze does not end it', async () => {
  const { client, wire } = await join();
  const bytes = pattern(1_000_000);
  client.write(bytes);
  await eventually(() => expect(wire.readableLength).toBeGreaterThanOrEqual(wire.readableHighWaterMark));
  wire.setFrozen(true);
  const hadBytes = wire.readableLength;
  const heard: Buffer[] = [];
  wire.on('data', (chunk: Buffer) => heard.push(chunk));
  const other = await join();
  other.wire.pipe(other.wire);
  other.client.write('x');
  await eventually(() => expect(other.received().toString()).toBe('x'));
  expect(Buffer.concat(heard)).toHaveLength(hadBytes);
  wire.setFrozen(false);
  await eventually(() => expect(Buffer.concat(heard).equals(bytes)).toBe(true));
});
