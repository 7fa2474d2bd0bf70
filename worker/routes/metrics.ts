// GET /metrics: the figures of sidecar, shards and gateways for Prometheus.
import { Hono } from 'hono';
import type { AccountStatus, SidecarStatus } from '../../shared/status.ts';
import { operatorsOnly } from '../auth/permission.ts';
import { exposition, type Family, type Sample } from '../core/exposition.ts';
import type { GatewayStats } from '../core/gateway-stats.ts';
import type { ShardStats } from '../core/shard-stats.ts';
import type { ReportedStatus } from '../durable/control-link.ts';
import type { Env } from '../env.ts';
import { gatherGateways, gatherShards, reportedStatus } from './fleet.ts';

export const metrics = new Hono<{ Bindings: Env }>();

/** One figure of a part: how Prometheus calls it, and where it is found. */
type Figure<T> = readonly [type: Family['type'], name: string, help: string, pick: (part: T) => number];

const SIDECAR: readonly Figure<SidecarStatus>[] = [
  ['gauge', 'ticker_active_subscriptions', 'Instruments subscribed at Kite.', (s) => s.active_subscriptions],
  ['gauge', 'ticker_desired_subscriptions', 'Instruments pinned or wanted by clients.', (s) => s.desired],
  ['gauge', 'ticker_unplaced_subscriptions', 'Instruments wanted and not streamed.', (s) => s.not_placed],
  ['gauge', 'ticker_pinned_subscriptions', 'Instruments with a pinned subscription.', (s) => s.pinned],
  ['gauge', 'ticker_lease_confirmed', '1 while the lease is held.', (s) => Number(s.lease === 'held')],
  ['counter', 'ticker_ticks_received_total', 'Ticks decoded and accepted.', (s) => s.ticks_received],
  ['counter', 'ticker_ticks_posted_total', 'Ticks posted to shards.', (s) => s.ticks_posted],
  ['counter', 'ticker_ticks_conflated_total', 'Ticks replaced before posting.', (s) => s.ticks_conflated],
  ['counter', 'ticker_frames_received_total', 'Frames received from Kite.', (s) => s.frames_received],
  ['counter', 'ticker_batches_posted_total', 'Batches that a shard took.', (s) => s.batches_posted],
  ['counter', 'ticker_batches_retried_total', 'Posts sent again.', (s) => s.batches_retried],
  ['counter', 'ticker_batches_failed_total', 'Batches given up.', (s) => s.batches_failed],
  [
    'gauge',
    'ticker_flush_window_seconds',
    'How long ticks wait for more, at most.',
    (s) => s.flush_window.window_ms / 1_000,
  ],
  ['gauge', 'ticker_instruments', 'Instruments in the registry.', (s) => s.instruments.count],
  [
    'gauge',
    'ticker_instruments_fresh',
    '1 while the instrument list is the newest that Kite has.',
    (s) => (s.instruments.status === 'ok' ? 1 : 0),
  ],
  [
    'gauge',
    'ticker_instruments_failures',
    'Attempts to read an instrument list since the last good one.',
    (s) => s.instruments.failures ?? 0,
  ],
  ['gauge', 'ticker_sidecar_rss_bytes', 'Resident memory of the sidecar.', (s) => s.rss_bytes],
  ['counter', 'ticker_sidecar_cpu_seconds_total', 'CPU time of the sidecar.', (s) => s.cpu_seconds],
];

const SHARD: readonly Figure<ShardStats>[] = [
  ['counter', 'edge_shard_batches_total', 'Batches taken by a shard.', (s) => s.batches],
  ['counter', 'edge_shard_ticks_total', 'Ticks taken by a shard.', (s) => s.ticks],
  ['counter', 'edge_shard_duplicates_total', 'Batches that were there already.', (s) => s.duplicates],
  ['counter', 'edge_shard_gaps_total', 'Batch sequences that were skipped.', (s) => s.gaps],
  ['counter', 'edge_shard_ticks_out_of_order_total', 'Ticks of before what was held.', (s) => s.outOfOrder],
  ['counter', 'edge_shard_refused_total', 'Batches replayed or superseded.', (s) => s.refused],
  ['gauge', 'edge_shard_instruments', 'Instruments with a last value.', (s) => s.instruments],
  ['gauge', 'edge_shard_wanted', 'Instruments that gateways want.', (s) => s.wanted],
];

const GATEWAY: readonly Figure<GatewayStats>[] = [
  ['gauge', 'edge_connections', 'Client sockets.', (g) => g.connections.length],
  ['gauge', 'edge_subscriptions', 'Subscriptions of clients.', (g) => g.total_subscriptions],
  ['counter', 'edge_upgrades_total', 'Client sockets opened.', (g) => g.upgrades],
  ['counter', 'edge_frames_sent_total', 'Frames with ticks or bars sent to clients.', (g) => g.frames_sent],
  ['counter', 'edge_ticks_sent_total', 'Ticks sent to clients; a frame may have many.', (g) => g.ticks_sent],
  ['counter', 'edge_messages_received_total', 'Messages of clients.', (g) => g.messages_received],
  ['counter', 'edge_pushes_received_total', 'Pushes of shards.', (g) => g.pushes_received],
  ['counter', 'edge_flushes_total', 'Flushes to clients.', (g) => g.flushes],
  ['counter', 'edge_resyncs_total', 'Current values fetched from a shard.', (g) => g.resyncs],
];

/** One family per figure, one sample per part. */
function familiesOf<T>(
  figures: readonly Figure<T>[],
  parts: readonly T[],
  labels: (part: T) => Readonly<Record<string, string | number>>,
): Family[] {
  return figures.map(([type, name, help, pick]) => {
    const samples = parts.map((part): Sample => ({ labels: labels(part), value: pick(part) }));
    return { name, type, help, samples };
  });
}

/** What the memory of gateways is made of, table by table. */
function holdingsFamily(gateways: readonly GatewayStats[]): Family {
  const samples = gateways.flatMap(({ gateway, holdings }) =>
    Object.entries(holdings).map(([table, value]): Sample => ({ labels: { gateway, table }, value })),
  );
  return { name: 'edge_gateway_entries', type: 'gauge', help: 'Entries in a table of a gateway.', samples };
}

function byReason(name: string, help: string, counts: Readonly<Record<string, number>>): Family {
  const samples = Object.entries(counts).map(([reason, value]) => ({ labels: { reason }, value }));
  return { name, type: 'counter', help, samples };
}

const ACCOUNT: readonly Figure<AccountStatus>[] = [
  ['gauge', 'kite_account_up', '1 while all is well with an account.', (a) => (a.state === 'ok' ? 1 : 0)],
  ['gauge', 'kite_account_capacity', 'Instruments that an account may carry.', (a) => a.capacity],
  ['gauge', 'kite_account_instruments', 'Instruments that an account streams.', (a) => a.instruments],
  ['gauge', 'kite_account_room', 'Instruments that an account could take over.', (a) => a.room],
];

function sidecarFamilies({ status, receivedAtMs }: ReportedStatus, nowMs: number): Family[] {
  const sockets = status.accounts.flatMap(({ id: account, sockets: list }) =>
    list.map(({ reconnects: value }, socket) => ({ labels: { account, socket }, value })),
  );
  const open = status.accounts.map(({ id: account, sockets: list }) => ({
    labels: { account },
    value: list.filter(({ state }) => state === 'open').length,
  }));
  const logins = status.accounts.flatMap(({ id: account, login }) =>
    login ? [{ labels: { account }, value: login.state === 'valid' ? 1 : 0 }] : [],
  );
  const age = [{ value: (nowMs - receivedAtMs) / 1000 }];
  return [
    ...familiesOf(SIDECAR, [status], () => ({})),
    ...familiesOf(ACCOUNT, status.accounts, ({ id: account }) => ({ account })),
    {
      name: 'ticker_sidecar_report_age_seconds',
      type: 'gauge',
      help: 'Time since the last report.',
      samples: age,
    },
    { name: 'websocket_pool_connections', type: 'gauge', help: 'Open sockets to Kite.', samples: open },
    {
      name: 'websocket_pool_reconnects_total',
      type: 'counter',
      help: 'Reconnects to Kite.',
      samples: sockets,
    },
    {
      name: 'kite_account_logged_in',
      type: 'gauge',
      help: '1 while Kite accepts the access token.',
      samples: logins,
    },
    byReason('ticker_ticks_rejected_total', 'Ticks refused, by reason.', status.ticks_rejected),
    byReason('ticker_frame_faults_total', 'Broken Kite frames, by fault.', status.frame_faults),
  ];
}

metrics.get('/metrics', operatorsOnly, async (c) => {
  const [reported, shards, gateways] = await Promise.all([
    reportedStatus(c.env),
    gatherShards(c.env),
    gatherGateways(c.env),
  ]);
  const silent: Family = {
    name: 'edge_objects_not_answering',
    type: 'gauge',
    help: 'Shards and gateways that did not answer.',
    samples: [{ value: shards.failed + gateways.failed }],
  };
  const families = [
    ...(reported ? sidecarFamilies(reported, Date.now()) : []),
    ...familiesOf(SHARD, shards.values, ({ shard }) => ({ shard })),
    ...familiesOf(GATEWAY, gateways.values, ({ gateway }) => ({ gateway })),
    holdingsFamily(gateways.values),
    silent,
  ];
  return c.text(exposition(families), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
});
