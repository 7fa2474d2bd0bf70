// Two real sidecars on one lease: one posts at any time, and the other one takes over whatever becomes of the first.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Database, startDatabase } from '../../dev/database.ts';
import { findFreePort } from '../../dev/free-port.ts';
import { type Simulator, startSimulator } from '../../ingest/simulator/simulator.ts';
import { migrate } from '../../migrations/runner.ts';
import { SIDECAR_LEASE_MS } from '../../shared/limits.ts';
import { ShardEdge } from '../support/shard-edge.ts';
import { SidecarProcess } from '../support/sidecar-process.ts';

const SECRET = 'a secret of more than thirty-two characters';
const TAKEOVER_MS_MAX = 10_000;
/** Whatever was not renewed has ended by then. */
const PAST_LEASE_MS = SIDECAR_LEASE_MS + 2_000;
const INSTRUMENTS = 50;

const directory = mkdtempSync(join(tmpdir(), 'ticker-edge-takeover-'));
let database: Database;
let simulator: Simulator;
let edge: ShardEdge;
const sidecars: SidecarProcess[] = [];

async function startPostgres(port: number): Promise<Database> {
  const cluster = join(directory, 'cluster');
  return startDatabase({
    directory: cluster,
    port,
    password: 'test',
    durable: false,
    onLog: () => undefined,
  });
}
const portOf = ({ url }: Database) => Number(new URL(url).port);

beforeAll(async () => {
  database = await startPostgres(await findFreePort());
  await migrate({ url: database.url });
  simulator = await startSimulator({ instrumentsCount: INSTRUMENTS, ticksPerInstrumentPerSecond: 5 });
});
afterEach(async ({ task }) => {
  for (const sidecar of sidecars) sidecar.resume();
  if (task.result?.state === 'fail')
    for (const [i, { log }] of sidecars.entries()) console.error(`${i}:\n${log}`);
  await Promise.all(sidecars.splice(0).map((sidecar) => sidecar.end()));
  await edge.stop();
  const sql = postgres(database.url, { max: 1 });
  await sql`delete from sidecar_lease`;
  await sql.end();
});
afterAll(async () => {
  await simulator?.stop();
  await database?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** The database by another way, which can be cut off. */
async function openDetour(): Promise<{ url: string; cut(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(portOf(database), '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => socket.destroy());
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(database.url);
  url.port = String((server.address() as AddressInfo).port);
  const cut = async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { url: url.href, cut };
}

async function start(databaseUrl = database.url): Promise<SidecarProcess> {
  const account = simulator.accounts[0];
  const sidecar = await SidecarProcess.start({
    KITE_API_KEY: account?.apiKey ?? '',
    KITE_ACCESS_TOKEN: account?.accessToken ?? '',
    KITE_API_ROOT: simulator.url,
    KITE_WS_ROOT: simulator.wsUrl,
    MAX_WS_CONNECTIONS: '1',
    MARKET_SESSION: 'always_open',
    EDGE_URL: edge.url,
    INGEST_SECRET: SECRET,
    DATABASE_URL: databaseUrl,
  });
  sidecars.push(sidecar);
  return sidecar;
}

/** The first streams and the second stands by. */
async function startPair(
  databaseUrl = database.url,
): Promise<{ active: SidecarProcess; standby: SidecarProcess; epoch: number }> {
  edge = await ShardEdge.start(SECRET);
  edge.want(simulator.instruments.map(({ instrument_token }) => instrument_token));
  const active = await start(databaseUrl);
  await streaming(Date.now(), 20_000);
  const standby = await start();
  const { epoch } = await active.status();
  expect(edge.epochs).toEqual([epoch]);
  return { active, standby, epoch };
}

/** Waits for ticks of after `sinceMs` and returns when they came, in ms since then. */
async function streaming(sinceMs: number, withinMs: number, afterEpoch = 0): Promise<number> {
  const first = await vi.waitFor(
    () => {
      const post = edge.posts.find(
        ({ atMs, epoch, ticks, isTaken }) => atMs >= sinceMs && epoch > afterEpoch && ticks > 0 && isTaken,
      );
      expect(post).toBeDefined();
      return post?.atMs ?? 0;
    },
    { timeout: withinMs, interval: 20 },
  );
  return first - sinceMs;
}

/** As if the holder of the lease were on another machine, where nobody here can see that it has ended. */
async function moveHolderAway(): Promise<void> {
  const sql = postgres(database.url, { max: 1 });
  await sql`update sidecar_lease set machine = 'elsewhere'`;
  await sql.end();
}

test('the second is connected to nothing at Kite and posts nothing', async () => {
  const { active, standby, epoch } = await startPair();
  await sleep(PAST_LEASE_MS);
  expect(await active.status()).toMatchObject({ lease: 'held', running: true, epoch });
  const status = await standby.status();
  expect(status).toMatchObject({ lease: 'standby', running: false, epoch: 0, frames_received: 0 });
  expect(status.accounts.flatMap(({ sockets }) => sockets.filter(({ state }) => state !== 'idle'))).toEqual(
    [],
  );
  expect(simulator.connections()).toHaveLength(1);
  expect(edge.epochs).toEqual([epoch]);
});

test.each([
  ['on this machine', async () => undefined],
  ['on another machine', moveHolderAway],
])('killed %s, the first is replaced', async (where, prepare) => {
  const { active, standby, epoch } = await startPair();
  await prepare();
  await active.end('SIGKILL');
  const killedAtMs = Date.now();
  const tookMs = await streaming(killedAtMs, TAKEOVER_MS_MAX, epoch);
  console.info(`killed ${where}: ticks again after ${tookMs} ms`);
  expect((await standby.status()).lease).toBe('held');
  const restarted = await start();
  expect((await restarted.status()).lease).toBe('standby');
  expect(edge.stragglers).toEqual([]);
});

test('asked to end, the first hands over', async () => {
  const { active, epoch } = await startPair();
  const askedAtMs = Date.now();
  await active.end('SIGTERM');
  const tookMs = await streaming(askedAtMs, TAKEOVER_MS_MAX, epoch);
  console.info(`handed over: ticks again after ${tookMs} ms`);
  expect(edge.stragglers).toEqual([]);
});

test('paused, the first is replaced; awake again it notices before it posts, and stands by', async () => {
  const { active, standby, epoch } = await startPair();
  active.pause();
  const pausedAtMs = Date.now();
  const tookMs = await streaming(pausedAtMs, TAKEOVER_MS_MAX, epoch);
  console.info(`paused: ticks again after ${tookMs} ms`);
  const { epoch: laterEpoch } = await standby.status();
  active.resume();
  await vi.waitFor(async () => expect((await active.status()).lease).toBe('standby'), { timeout: 10_000 });
  expect(active.log).toContain('lease lost, this sidecar stands by');
  // And back: the one that was paused is a standby like any other.
  standby.pause();
  await streaming(Date.now(), TAKEOVER_MS_MAX, laterEpoch);
  standby.resume();
  await vi.waitFor(async () => expect((await standby.status()).lease).toBe('standby'), { timeout: 10_000 });
  expect((await active.status()).lease).toBe('held');
  // Not one post of an earlier sidecar reached the edge after a later one's: the edge had nothing to refuse.
  expect(edge.stragglers).toEqual([]);
  expect(edge.posts.filter(({ isTaken }) => !isTaken)).toEqual([]);
});

test('while the database is away the first goes on, and has its lease again when it is back', async () => {
  const { active, standby, epoch } = await startPair();
  const port = portOf(database);
  await database.stop();
  const awayAtMs = Date.now();
  await vi.waitFor(async () => expect((await active.status()).lease).toBe('unconfirmed'), {
    timeout: 10_000,
  });
  await sleep(PAST_LEASE_MS);
  const nowMs = Date.now();
  await streaming(nowMs, 2_000);
  const { count, epochs } = edge.ticksSince(awayAtMs);
  expect(epochs).toEqual([epoch]);
  expect(count).toBeGreaterThan(((nowMs - awayAtMs) / 1_000) * INSTRUMENTS);
  expect((await standby.status()).lease).toBe('standby');
  database = await startPostgres(port);
  await vi.waitFor(async () => expect((await active.status()).lease).toBe('held'), { timeout: 10_000 });
  await sleep(PAST_LEASE_MS);
  expect((await standby.status()).lease).toBe('standby');
  expect(edge.epochs).toEqual([epoch]);
});

test('one that dies while the database is away is replaced when it is back', async () => {
  const { active, standby, epoch } = await startPair();
  const port = portOf(database);
  await moveHolderAway();
  await database.stop();
  await active.end('SIGKILL');
  await sleep(PAST_LEASE_MS);
  expect(edge.epochs).toEqual([epoch]);
  database = await startPostgres(port);
  const tookMs = await streaming(Date.now(), TAKEOVER_MS_MAX, epoch);
  console.info(`died in an outage: ticks again ${tookMs} ms after it`);
  expect((await standby.status()).lease).toBe('held');
  expect(edge.stragglers).toEqual([]);
});

test('cut off from a database that the other one reaches, the first is fenced off by the later epoch', async () => {
  const detour = await openDetour();
  const { active, standby, epoch } = await startPair(detour.url);
  await detour.cut();
  const cutAtMs = Date.now();
  const tookMs = await streaming(cutAtMs, TAKEOVER_MS_MAX, epoch);
  console.info(`cut off: ticks of the second after ${tookMs} ms`);
  await vi.waitFor(async () => expect((await active.status()).lease).toBe('standby'), { timeout: 5_000 });
  expect((await standby.status()).lease).toBe('held');
  // It cannot know, and posts once more to where the second has been already: that is refused.
  expect(edge.interleaved).toEqual([]);
  const { epochs } = edge.ticksSince(cutAtMs);
  expect(epochs).toEqual([epoch, (await standby.status()).epoch]);
});
