// /health and /metrics: the shapes that operators' tools read, true with and without a sidecar.
import { exports } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import type { SidecarStatus } from '../../../shared/status.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { feedStatusOf } from '../../support/feed-statuses.ts';

const STATUS: SidecarStatus = {
  epoch: 1_764_000_000_000,
  lease: 'held',
  started_at: 1_764_000_000_000,
  running: true,
  accounts: [
    {
      id: 'primary',
      state: 'ok',
      capacity: 9_000,
      instruments: 442,
      room: 8_558,
      sockets: [{ state: 'open', instruments: 442, reconnects: 2 }],
    },
  ],
  feed: feedStatusOf({}),
  active_subscriptions: 442,
  desired: 443,
  not_placed: 1,
  pinned: 0,
  not_placed_tokens: [408_065],
  ticks_received: 1_000,
  ticks_posted: 900,
  ticks_conflated: 99,
  ticks_rejected: { no_price: 1 },
  frames_received: 10,
  frame_faults: { frame_truncated: 3 },
  batches_posted: 80,
  batches_retried: 0,
  batches_failed: 0,
  instruments: { status: 'ok', count: 114_728, loaded_at: 1_764_000_000_500 },
  rss_bytes: 100_000_000,
  cpu_seconds: 1.5,
};

async function report(sidecar: TestSidecar, status: SidecarStatus): Promise<number> {
  const body = Uint8Array.from(new TextEncoder().encode(JSON.stringify(status)));
  const request = await sidecar.request('/ingest/status', body, sidecar.nextTime());
  const response = await exports.default.fetch(request);
  await response.body?.cancel();
  return response.status;
}

async function health() {
  const response = await exports.default.fetch('http://edge/health');
  return (await response.json()) as {
    status: string;
    ticker: object;
    websocket: object;
    dependencies: object;
  };
}

test('health is degraded without a sidecar, and says what it says with one', async () => {
  expect(await health()).toMatchObject({
    status: 'degraded',
    ticker: { running: false, active_subscriptions: 0 },
    websocket: { status: 'ok', active_connections: 0 },
    dependencies: { database: 'ok', redis: 'disabled', instrument_registry: { status: 'unavailable' } },
  });
  const sidecar = new TestSidecar();
  expect(await report(sidecar, STATUS)).toBe(200);
  expect(await health()).toMatchObject({
    status: 'ok',
    ticker: { running: true, started_at: 1_764_000_000, active_subscriptions: 442, not_placed: 1 },
    dependencies: { instrument_registry: { status: 'ok', cached_instruments: 114_728 } },
  });
  const instruments = {
    ...STATUS.instruments,
    status: 'stale',
    trading_date: '2025-11-21',
    source: 'database',
  } as const;
  await report(sidecar, {
    ...STATUS,
    instruments: { ...instruments, bad_rows: 0, failures: 3, stored: true },
  });
  expect(await health()).toMatchObject({
    status: 'degraded',
    dependencies: {
      instrument_registry: {
        status: 'stale',
        cached_instruments: 114_728,
        trading_date: '2025-11-21',
        source: 'database',
      },
    },
  });
  const refused = STATUS.accounts.map((account) => ({ ...account, state: 'unauthorized' as const }));
  await report(sidecar, { ...STATUS, accounts: refused });
  expect((await health()).status).toBe('degraded');
});

test('a report is taken once, and never from an older sidecar', async () => {
  const sidecar = new TestSidecar();
  const body = Uint8Array.from(
    new TextEncoder().encode(JSON.stringify({ ...STATUS, epoch: STATUS.epoch + 5 })),
  );
  const time = sidecar.nextTime();
  const statuses = [];
  for (let i = 0; i < 2; i++) {
    const response = await exports.default.fetch(await sidecar.request('/ingest/status', body, time));
    statuses.push(response.status);
    await response.body?.cancel();
  }
  expect(statuses).toEqual([200, 401]);
  expect(await report(sidecar, STATUS)).toBe(409);
});

test('metrics are valid Prometheus text with one sample per part', async () => {
  await report(new TestSidecar(), { ...STATUS, epoch: STATUS.epoch + 10 });
  const response = await exports.default.fetch('http://edge/metrics');
  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  const lines = (await response.text()).trimEnd().split('\n');
  const samples = lines.filter((line) => !line.startsWith('#'));
  for (const sample of samples)
    expect(sample).toMatch(/^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+-]+$/);
  expect(samples).toContain('ticker_active_subscriptions 442');
  expect(samples).toContain('ticker_instruments_fresh 1');
  expect(samples).toContain('ticker_instruments_failures 0');
  expect(samples).toContain('websocket_pool_connections{account="primary"} 1');
  expect(samples).toContain('kite_account_up{account="primary"} 1');
  expect(samples).toContain('kite_account_capacity{account="primary"} 9000');
  expect(samples).toContain('kite_account_instruments{account="primary"} 442');
  expect(samples).toContain('kite_account_room{account="primary"} 8558');
  expect(samples).toContain('ticker_ticks_rejected_total{reason="no_price"} 1');
  expect(samples.filter((sample) => sample.startsWith('edge_shard_batches_total'))).toHaveLength(8);
  const names = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
  expect(new Set(names).size).toBe(names.length);
});

test('/ws/stats names what no account has room for', async () => {
  await report(new TestSidecar(), { ...STATUS, epoch: STATUS.epoch + 20 });
  const response = await exports.default.fetch('http://edge/ws/stats');
  expect(await response.json()).toMatchObject({
    not_placed: { count: 1, instrument_tokens: [408_065], reported_age_ms: expect.any(Number) },
  });
});
