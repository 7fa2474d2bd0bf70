import { request } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { type StatusServer, startStatusServer } from '../../ingest/status-server.ts';
import { statusOf } from './support/statuses.ts';

let server: StatusServer | undefined;
afterEach(() => server?.stop());

test('serves the status and its figures on loopback, and nothing else', async () => {
  const greeks = {
    valued: { ok: 40, by_parity: 3 },
    renewed: 5,
    forwards: { future: 7, none: 1 },
    seconds: 0.25,
    support: 2,
  };
  server = await startStatusServer(0, () => statusOf({ greeks }));
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const status = await fetch(`${server.url}/status`);
  expect(status.headers.get('content-type')).toBe('application/json');
  expect(await status.json()).toEqual(statusOf({ greeks }));
  const text = await (await fetch(`${server.url}/metrics`)).text();
  expect(text).toContain('# TYPE sidecar_ticks_received_total counter\nsidecar_ticks_received_total 100\n');
  expect(text).toContain('sidecar_ticks_rejected_total{reason="no_price"} 4\n');
  expect(text).toContain('sidecar_socket_open{account="primary",socket="1"} 0\n');
  expect(text).toContain('sidecar_options_valued_total{status="by_parity"} 3\n');
  expect(text).toContain(
    'sidecar_forwards_total{source="future"} 7\nsidecar_forwards_total{source="none"} 1\n',
  );
  expect(text).toContain('sidecar_valuation_seconds_total 0.25\n');
  expect(text).toContain('sidecar_account_up{account="primary"} 0\n');
  expect(text).toContain('sidecar_account_capacity{account="primary"} 6000\n');
  expect(text).toContain('sidecar_account_room{account="primary"} 5998\n');
  expect(text).toContain('sidecar_flush_window_seconds 0.04\n');
  expect(text).toContain('sidecar_flush_cost_seconds 0.01\n');
  expect(text).toContain('sidecar_post_seconds 0.0045\n');
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(
      /^# (?:HELP|TYPE) [a-z_]+ .+$|^[a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? [\d.]+$/,
    );
  }
  expect((await fetch(server.url)).status).toBe(404);
  expect((await fetch(`${server.url}/status`, { method: 'POST' })).status).toBe(404);
});

test('of the instrument list it says what is in use, and leaves out what does not apply', async () => {
  const instruments = {
    status: 'stale',
    count: 9,
    loaded_at: 1_764_000_000_500,
    trading_date: '2025-11-24',
    source: 'kite',
    bad_rows: 2,
    failures: 3,
  } as const;
  server = await startStatusServer(0, () => statusOf({ instruments }));
  const text = await (await fetch(`${server.url}/metrics`)).text();
  expect(text.split('\n').filter((line) => line.startsWith('sidecar_instruments'))).toEqual([
    'sidecar_instruments 9',
    'sidecar_instruments_fresh 0',
    'sidecar_instruments_loaded_timestamp_seconds 1764000000.5',
    'sidecar_instruments_trading_date_seconds 1763942400',
    'sidecar_instruments_bad_rows 2',
    'sidecar_instruments_failures 3',
  ]);
});

test('of the flush window it leaves out what is not known', async () => {
  server = await startStatusServer(0, () => statusOf({ flush_window: { window_ms: 100 } }));
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const samples = text.split('\n').filter((line) => /^sidecar_(flush|post)/.test(line));
  expect(samples).toEqual(['sidecar_flush_window_seconds 0.1']);
});

test('a port that is taken is an error', async () => {
  server = await startStatusServer(0, () => statusOf());
  const port = Number(new URL(server.url).port);
  await expect(startStatusServer(port, () => statusOf())).rejects.toThrow(/EADDRINUSE/);
});

test('stops even while a client keeps its connection', async () => {
  const stopping = await startStatusServer(0, () => statusOf());
  await new Promise<void>((resolve, reject) => {
    const asking = request(
      `${stopping.url}/status`,
      { headers: { connection: 'keep-alive' } },
      (response) => {
        response.resume();
        response.on('end', resolve);
      },
    );
    asking.on('error', reject);
    asking.end();
  });
  await stopping.stop();
  await expect(fetch(`${stopping.url}/status`)).rejects.toThrow();
});
