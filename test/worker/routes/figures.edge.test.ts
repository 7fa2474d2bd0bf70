// /health, /metrics and /ws/stats: the shapes that operators' tools read, what they cost, and who may read them.
import { createExecutionContext } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { HEALTH_CACHE_MS } from '../../../shared/limits.ts';
import type { SidecarStatus } from '../../../shared/status.ts';
import { app } from '../../../worker/app.ts';
import { apiKeyHmac } from '../../../worker/auth/api-key.ts';
import { ClientGateway } from '../../../worker/durable/client-gateway.ts';
import type { Env } from '../../../worker/env.ts';
import { withDatabase } from '../../../worker/store/db.ts';
import { TestClient } from '../../support/edge/client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
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
  flush_window: { window_ms: 20 },
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

const realNow = Date.now.bind(Date);
let laterMs = 0;
/** Lets the last answer of /health become old. */
function passCacheTime(): void {
  laterMs += HEALTH_CACHE_MS;
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + laterMs);
}

afterEach(() => void vi.restoreAllMocks());

async function health() {
  passCacheTime();
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

test('however many ask /health, each gateway counts once a second, and is never asked for all it knows', async () => {
  const client = await TestClient.connect(await mintToken());
  await client.subscribe(256265, 738561);
  passCacheTime();
  const counts = vi.spyOn(ClientGateway.prototype, 'counts');
  const stats = vi.spyOn(ClientGateway.prototype, 'stats');
  const answers = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const response = await exports.default.fetch('http://edge/health');
      return ((await response.json()) as { websocket: object }).websocket;
    }),
  );
  expect(answers).toEqual(Array(50).fill({ status: 'ok', active_connections: 1, total_subscriptions: 2 }));
  expect(counts).toHaveBeenCalledTimes(1);
  client.socket.close(1000);
  await vi.waitFor(async () =>
    expect((await health()).websocket).toMatchObject({ active_connections: 0, total_subscriptions: 0 }),
  );
  expect(stats).not.toHaveBeenCalled();
});

test('what was well is not told of parts that do not answer any more', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  await health();
  laterMs += 60_000;
  passCacheTime();
  const broken = { ...env, CONTROL_LINK: undefined } as unknown as Env;
  const response = await app.fetch(new Request('http://edge/health'), broken, createExecutionContext());
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
    503,
    'gateway_unavailable',
  ]);
});

describe('outside development', () => {
  const KEY = `te_${'s'.repeat(43)}`;
  const NARROW_KEY = `te_${'t'.repeat(43)}`;
  const production = { ...env, ENVIRONMENT: 'production' } as unknown as Env;

  beforeAll(async () => {
    await withDatabase(production, createExecutionContext(), async (sql) => {
      for (const [name, key, scope] of [
        ['figures', KEY, 'stats:read'],
        ['other', NARROW_KEY, 'tokens:revoke'],
      ] as const) {
        const hmac = await apiKeyHmac(key, production.API_KEY_PEPPER);
        await sql`insert into api_keys (name, key_hmac, scopes) values (${name}, ${hmac}, array[${scope}])`;
      }
    });
  });

  const bearer = async (permissions: string[]) => ({
    authorization: `Bearer ${await mintToken({ claims: { permissions } })}`,
  });

  test.each<[string, number, string | undefined, () => Promise<Record<string, string>>]>([
    ['nothing', 401, 'missing_token', async () => ({})],
    ['a token with the permission', 200, undefined, () => bearer(['market:read', 'stats:read'])],
    ['a token without it', 403, 'forbidden', () => bearer(['market:read'])],
    ['a key with the scope', 200, undefined, async () => ({ 'x-api-key': KEY })],
    ['a key without it', 403, 'forbidden', async () => ({ 'x-api-key': NARROW_KEY })],
    ['a key that is none', 401, 'invalid_api_key', async () => ({ 'x-api-key': 'te_x' })],
    [
      'a wrong key beside a good token',
      403,
      'forbidden',
      async () => ({ ...(await bearer(['stats:read'])), 'x-api-key': NARROW_KEY }),
    ],
  ])('the figures are asked for with %s: %i', async (_, status, code, credentials) => {
    const headers = await credentials();
    for (const path of ['/ws/stats', '/metrics']) {
      const request = new Request(`http://edge${path}`, { headers });
      const response = await app.fetch(request, production, createExecutionContext());
      const text = await response.text();
      expect([path, response.status]).toEqual([path, status]);
      if (code !== undefined) expect(JSON.parse(text)).toMatchObject({ status: 'error', code });
      else
        expect(text).toContain(
          path === '/metrics' ? 'edge_gateway_entries{gateway=' : '"active_connections":',
        );
    }
  });

  test('and without a database no key is good', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const away = {
      ...production,
      DB: { connectionString: 'postgres://u:p@127.0.0.1:1/none' },
    } as unknown as Env;
    const request = new Request('http://edge/ws/stats', { headers: { 'x-api-key': KEY } });
    expect((await app.fetch(request, away, createExecutionContext())).status).toBe(503);
  });
});
