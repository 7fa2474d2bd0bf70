// Interest that a shard or a gateway has lost by whatever accident heals by itself: the lease.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { INTEREST_LEASE_MS, INTEREST_LEASES_MISSED_MAX } from '../../../shared/limits.ts';
import { shardName, shardOf } from '../../../shared/shard.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { digestOf } from '../../../worker/core/interest-digest.ts';
import { TestClient } from '../../support/edge/client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const RELIANCE = 738561;
const GATEWAY = 'gw:apac-se:0';

const gateway = () => env.CLIENT_GATEWAY.getByName(GATEWAY);
const shard = () => env.INSTRUMENT_SHARD.getByName(shardName(shardOf(RELIANCE)));

let epoch = 1_764_200_000_000;

async function startSidecar(): Promise<TestSidecar> {
  epoch += 1_000;
  const sidecar = new TestSidecar(epoch);
  await sidecar.send({ known: [RELIANCE], definitions: [definitionOf(RELIANCE)] });
  return sidecar;
}

function price(lastPrice: number) {
  return recordOf(RELIANCE, RECORD_KIND.full, { lastPrice });
}

afterEach(() => vi.useRealTimers());

test('a shard that forgot a gateway is told again by the next renewal, and the client is current', async () => {
  const sidecar = await startSidecar();
  const client = await TestClient.connect(await mintToken());
  await client.subscribe(RELIANCE);
  await sidecar.send({ ticks: [price(100)] });
  expect((await client.tick(RELIANCE)).last_price).toBe(1);
  // As if a release had overtaken a registration: the shard is sure that nobody here wants it.
  await shard().release(GATEWAY, [RELIANCE as InstrumentToken]);
  await sidecar.send({ ticks: [price(200)] });
  vi.useFakeTimers({ now: Date.now() + INTEREST_LEASE_MS, toFake: ['Date'] });
  expect(await runDurableObjectAlarm(gateway())).toBe(true);
  vi.useRealTimers();
  expect((await client.tick(RELIANCE)).last_price).toBe(2);
  await sidecar.send({ ticks: [price(300)] });
  expect((await client.tick(RELIANCE)).last_price).toBe(3);
  client.socket.close(1000);
});

test('a gateway that hibernates between its alarms proves its interest too', async () => {
  const sidecar = await startSidecar();
  const client = await TestClient.connect(await mintToken());
  await client.subscribe(RELIANCE);
  await shard().release(GATEWAY, [RELIANCE as InstrumentToken]);
  await sidecar.send({ ticks: [price(400)] });
  await evictDurableObject(gateway());
  vi.useFakeTimers({ now: Date.now() + INTEREST_LEASE_MS, toFake: ['Date'] });
  expect(await runDurableObjectAlarm(gateway())).toBe(true);
  vi.useRealTimers();
  let data = await client.tick(RELIANCE);
  while (data.last_price !== 4) data = await client.tick(RELIANCE);
  client.socket.close(1000);
});

test('a gateway that has hibernated lets the next client in', async () => {
  await startSidecar();
  const first = await TestClient.connect(await mintToken());
  await evictDurableObject(gateway());
  const second = await TestClient.connect(await mintToken());
  expect((await second.subscribe(RELIANCE)).total).toBe(1);
  for (const { socket } of [first, second]) socket.close(1000);
});

test('a renewal that agrees fetches nothing', async () => {
  await startSidecar();
  const client = await TestClient.connect(await mintToken());
  await client.subscribe(RELIANCE);
  const before = await gateway().stats();
  vi.useFakeTimers({ now: Date.now() + INTEREST_LEASE_MS, toFake: ['Date'] });
  expect(await runDurableObjectAlarm(gateway())).toBe(true);
  vi.useRealTimers();
  await vi.waitFor(async () => expect((await gateway().stats()).resyncs).toBe(before.resyncs));
  client.socket.close(1000);
});

test('a gateway that is not heard of any more is forgotten, and its instruments are not asked for', async () => {
  const sidecar = await startSidecar();
  await shard().register('gw:weur:7', [[RELIANCE as InstrumentToken, 3]]);
  await sidecar.post(shardOf(RELIANCE));
  expect(sidecar.demand(shardOf(RELIANCE)).has(RELIANCE)).toBe(true);
  const agrees = digestOf([[RELIANCE as InstrumentToken, 3]]);
  const { boot } = await sidecar.post(shardOf(RELIANCE));
  expect(await shard().renew('gw:weur:7', boot, agrees)).toBe(true);
  expect(await shard().renew('gw:weur:7', boot, digestOf([]))).toBe(false);
  expect(await shard().renew('gw:weur:7', boot + 1, agrees)).toBe(false);
  await runInDurableObject(shard(), async () => {
    vi.useFakeTimers({
      now: Date.now() + INTEREST_LEASE_MS * (INTEREST_LEASES_MISSED_MAX + 1),
      toFake: ['Date'],
    });
  });
  await shard().ingest(sidecar.batch(shardOf(RELIANCE), {}), Date.now());
  vi.useRealTimers();
  const later = await startSidecar();
  expect(later.demand(shardOf(RELIANCE)).has(RELIANCE)).toBe(false);
});
