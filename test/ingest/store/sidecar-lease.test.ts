// The lease in a real database: one holder, ascending epochs, its own clock, and a database that does not answer.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../ingest/clock.ts';
import { SidecarLeaseStore } from '../../../ingest/store/sidecar-lease.ts';
import { SIDECAR_LEASE_ANSWER_MS_MAX, SIDECAR_LEASE_MS } from '../../../shared/limits.ts';
import { createTestDatabase } from '../../support/database.ts';

let url: string;
let sql: postgres.Sql;
const open: SidecarLeaseStore[] = [];

beforeAll(async () => {
  url = await createTestDatabase();
  sql = postgres(url, { max: 1, onnotice: () => undefined });
});
afterAll(() => sql.end());
beforeEach(async () => {
  for (const store of open.splice(0)) store.close();
  await sql`delete from sidecar_lease`;
});

function storeOf(id: string, processId = 1, address = url): SidecarLeaseStore {
  const store = new SidecarLeaseStore(address, systemClock, { id, machine: 'here', processId });
  open.push(store);
  return store;
}

const expire = () => sql`update sidecar_lease set expires_at = clock_timestamp()`;

test('of many that ask for a free lease at once exactly one gets it, under the time of the database', async () => {
  const stores = Array.from({ length: 10 }, (_, i) => storeOf(`s${i}`));
  expect(await stores[0]?.read()).toBeUndefined();
  const [before] = await sql`select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as ms`;
  const epochs = await Promise.all(stores.map((store) => store.take(0, false)));
  const taken = epochs.filter((epoch) => epoch !== undefined);
  expect(taken).toHaveLength(1);
  expect(taken[0]).toBeGreaterThanOrEqual(before?.ms);
  expect(await stores[1]?.read()).toMatchObject({
    holder: { id: `s${epochs.indexOf(taken[0])}`, machine: 'here', processId: 1 },
    epoch: taken[0],
    isReleased: false,
  });
});

test('what is held cannot be taken, what has ended can, once, and the epoch ascends whatever the clock says', async () => {
  const [first, second, third] = [storeOf('first'), storeOf('second'), storeOf('third')];
  const epoch = (await first.take(0, false)) ?? 0;
  expect(await second.take(epoch, false)).toBeUndefined();
  expect((await second.read())?.remainingMs).toBeGreaterThan(SIDECAR_LEASE_MS - 1_000);
  await expire();
  expect((await second.read())?.remainingMs).toBeLessThanOrEqual(0);
  // As a clock that was ahead has left it.
  await sql`update sidecar_lease set epoch = 4102444800000`;
  expect(await second.take(4_102_444_800_000, false)).toBe(4_102_444_800_001);
  await expire();
  expect(await third.take(4_102_444_800_000, false)).toBeUndefined();
  expect(await third.take(4_102_444_800_001, false)).toBe(4_102_444_800_002);
});

test('of a holder that is gone the lease can be taken before its end, but not from its successor', async () => {
  const [first, second, third] = [storeOf('first'), storeOf('second'), storeOf('third')];
  const epoch = (await first.take(0, false)) ?? 0;
  expect(await second.take(epoch, true)).toBeGreaterThan(epoch);
  expect(await third.take(epoch, true)).toBeUndefined();
});

test('its holder renews it, also after its end, until another one has taken it', async () => {
  const [first, second] = [storeOf('first'), storeOf('second')];
  const epoch = (await first.take(0, false)) ?? 0;
  await sql`update sidecar_lease set expires_at = clock_timestamp() + interval '1 second'`;
  expect(await first.renew(epoch)).toBe(true);
  expect((await first.read())?.remainingMs).toBeGreaterThan(SIDECAR_LEASE_MS - 1_000);
  await expire();
  expect(await first.renew(epoch)).toBe(true);
  expect(await second.renew(epoch)).toBe(false);
  await expire();
  const later = (await second.take(epoch, false)) ?? 0;
  expect(await first.renew(epoch)).toBe(false);
  await first.release(epoch);
  expect(await second.renew(later)).toBe(true);
  // The same process under a later epoch of its own.
  await expire();
  const latest = (await second.take(later, false)) ?? 0;
  expect(await second.renew(later)).toBe(false);
  expect(await second.renew(latest)).toBe(true);
});

test('what is given back is free, and known as given back', async () => {
  const [first, second] = [storeOf('first'), storeOf('second')];
  const epoch = (await first.take(0, false)) ?? 0;
  await first.release(epoch);
  expect(await second.read()).toMatchObject({ isReleased: true, epoch });
  expect(await second.take(epoch, false)).toBeGreaterThan(epoch);
});

test('a database that does not answer is told from one that answers, and asked anew on another connection', async () => {
  const sockets = new Set<Socket>();
  let isUp = false;
  // In front of the database: takes connections, and lets bytes through only while it is up.
  const { hostname, port } = new URL(url);
  const hole: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (!isUp) return;
    const database = connect(Number(port), hostname);
    sockets.add(database);
    database.on('error', () => socket.destroy());
    socket.pipe(database).pipe(socket);
  });
  await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
  const address = new URL(url);
  address.port = String((hole.address() as AddressInfo).port);
  const store = storeOf('first', 1, address.href);
  const startedAtMs = performance.now();
  await expect(store.read()).rejects.toThrow(`within ${SIDECAR_LEASE_ANSWER_MS_MAX} ms`);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(SIDECAR_LEASE_ANSWER_MS_MAX - 10);
  isUp = true;
  expect(await store.take(0, false)).toBeGreaterThan(0);
  // The connection that is open falls into the hole as well.
  for (const socket of sockets) socket.destroy();
  await expect(store.renew(1)).rejects.toThrow();
  expect(await store.renew(1)).toBe(false);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => hole.close(resolve));
});

test('without its table the lease is no answer either', async () => {
  await sql`alter table sidecar_lease rename to elsewhere`;
  await expect(storeOf('first').read()).rejects.toThrow(/sidecar_lease/);
  await sql`alter table elsewhere rename to sidecar_lease`;
});
