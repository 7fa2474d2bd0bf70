// The sidecar's door: what is not signed, not fresh, repeated, altered or too big changes nothing.
import { abortAllDurableObjects, evictDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { INGEST_HEADERS } from '../../../shared/frame.ts';
import { BATCH_BYTES_MAX, INGEST_CLOCK_SKEW_MS_MAX } from '../../../shared/limits.ts';
import { SHARD_COUNT, shardName } from '../../../shared/shard.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { sign, TestSidecar } from '../../support/edge/sidecar.ts';
import { recordOf } from '../../support/records.ts';

const SHARD = 3;
const PATH = `/ingest/batch/${SHARD}`;

async function code(request: Request): Promise<[number, string]> {
  const response = await exports.default.fetch(request);
  const body = (await response.json()) as { code?: string };
  return [response.status, body.code ?? 'none'];
}

function shard() {
  return env.INSTRUMENT_SHARD.getByName(shardName(SHARD));
}

function shardStats() {
  return shard().stats();
}

describe('refused posts change nothing', () => {
  test('unsigned, altered, mis-signed, stale, replayed, on another path', async () => {
    const sidecar = new TestSidecar();
    const tick = recordOf(738561, RECORD_KIND.ltp, { lastPrice: 245_675 });
    await sidecar.post(SHARD, { ticks: [tick] });
    const before = await shardStats();
    const body = sidecar.batch(SHARD, { ticks: [tick] });
    const now = Date.now();

    const unsigned = new Request(`http://edge${PATH}`, { method: 'POST', body });
    expect(await code(unsigned)).toEqual([401, 'ingest_unsigned']);

    const altered = await sidecar.request(PATH, body, now);
    const flipped = body.slice();
    flipped[body.length - 1] = (flipped[body.length - 1] ?? 0) ^ 1;
    expect(await code(new Request(altered, { body: flipped }))).toEqual([401, 'ingest_signature']);

    expect(await code(await sidecar.request(PATH, body, now, 'another secret of enough length'))).toEqual([
      401,
      'ingest_signature',
    ]);
    for (const skew of [-1, 1]) {
      const time = now + skew * (INGEST_CLOCK_SKEW_MS_MAX + 2_000);
      expect(await code(await sidecar.request(PATH, body, time))).toEqual([401, 'ingest_time']);
    }
    const otherPath = new Request(`http://edge/ingest/batch/${SHARD + 1}`, {
      method: 'POST',
      body,
      headers: {
        [INGEST_HEADERS.time]: String(now),
        [INGEST_HEADERS.signature]: await sign(PATH, now, body, env.INGEST_SECRET),
      },
    });
    expect(await code(otherPath)).toEqual([401, 'ingest_signature']);

    expect(await shardStats()).toEqual(before);
  });

  test('the same signed post twice: taken once, then refused as a replay', async () => {
    const sidecar = new TestSidecar(1_764_000_001_000);
    const body = sidecar.batch(SHARD, { ticks: [recordOf(738561, RECORD_KIND.ltp, { lastPrice: 1 })] });
    const time = sidecar.nextTime();
    const first = await exports.default.fetch(await sidecar.request(PATH, body, time));
    expect(first.status).toBe(200);
    await first.body?.cancel();
    const after = await shardStats();
    expect(await code(await sidecar.request(PATH, body, time))).toEqual([401, 'ingest_replayed']);
    const repeated = await shardStats();
    expect(repeated).toEqual({ ...after, refused: after.refused + 1 });
  });

  test('the same batch signed anew is a duplicate: answered, not applied again', async () => {
    const sidecar = new TestSidecar(1_764_000_002_000);
    const body = sidecar.batch(SHARD, { ticks: [recordOf(738561, RECORD_KIND.ltp, { lastPrice: 2 })] });
    for (const duplicate of [undefined, true]) {
      const response = await exports.default.fetch(await sidecar.request(PATH, body, sidecar.nextTime()));
      expect(response.status).toBe(200);
      expect(((await response.json()) as { duplicate?: true }).duplicate).toBe(duplicate);
    }
    expect((await shardStats()).duplicates).toBe(1);
  });

  test('an older sidecar is told that it is superseded', async () => {
    await new TestSidecar(1_764_000_010_000).post(SHARD);
    const older = new TestSidecar(1_764_000_009_000);
    const request = await older.request(PATH, older.batch(SHARD, {}), older.nextTime());
    expect(await code(request)).toEqual([409, 'ingest_superseded']);
  });

  test('an older sidecar is refused also by a shard that lost its memory, and the active one is not', async () => {
    const active = new TestSidecar(1_764_000_012_000);
    const older = new TestSidecar(1_764_000_011_000);
    await active.post(SHARD);
    for (const lose of [() => evictDurableObject(shard()), () => abortAllDurableObjects()]) {
      await lose();
      const request = await older.request(PATH, older.batch(SHARD, {}), older.nextTime());
      expect(await code(request)).toEqual([409, 'ingest_superseded']);
      await active.post(SHARD);
      expect(await shardStats()).toMatchObject({ batches: 1, gaps: 0 });
    }
  });

  test('bodies over the limit, at it, and frames that lie', async () => {
    const sidecar = new TestSidecar(1_764_000_020_000);
    const big = new Uint8Array(BATCH_BYTES_MAX + 1);
    expect(await code(await sidecar.request(PATH, big, sidecar.nextTime()))).toEqual([413, 'ingest_too_big']);
    const atLimit = new Uint8Array(BATCH_BYTES_MAX);
    expect(await code(await sidecar.request(PATH, atLimit, sidecar.nextTime()))).toEqual([
      400,
      'ingest_frame',
    ]);
    const truncated = sidecar.batch(SHARD, { ticks: [recordOf(1, RECORD_KIND.full)] }).slice(0, 100);
    expect(await code(await sidecar.request(PATH, truncated, sidecar.nextTime()))).toEqual([
      400,
      'ingest_frame',
    ]);
    const misaddressed = sidecar.batch(SHARD + 1, {});
    expect(await code(await sidecar.request(PATH, misaddressed, sidecar.nextTime()))).toEqual([
      400,
      'ingest_frame',
    ]);
    const nowhere = await sidecar.request(`/ingest/batch/${SHARD_COUNT}`, misaddressed, sidecar.nextTime());
    expect(await code(nowhere)).toEqual([404, 'not_found']);
  });

  test('a status post is checked like a batch, and a wrong field is named', async () => {
    const sidecar = new TestSidecar();
    const body = Uint8Array.from(new TextEncoder().encode('{"epoch":"x"}'));
    const unsigned = new Request('http://edge/ingest/status', { method: 'POST', body });
    expect(await code(unsigned)).toEqual([401, 'ingest_unsigned']);
    const response = await exports.default.fetch(
      await sidecar.request('/ingest/status', body, sidecar.nextTime()),
    );
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('status field epoch');
  });
});
