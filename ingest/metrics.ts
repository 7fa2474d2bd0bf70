// The status as Prometheus reads it, for whoever scrapes the sidecar itself and not the edge.
import type {
  AccountStatus,
  FlushWindowStatus,
  GreeksFigures,
  InstrumentsStatus,
  SidecarStatus,
} from '../shared/status.ts';

interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** Pairs of a label set, without braces, and a value. */
  readonly samples: readonly (readonly [labels: string, value: number])[];
}

const label = (name: string, value: string) => `${name}="${value.replace(/[\\"\n]/g, '_')}"`;

function metricsOf(status: SidecarStatus): Metric[] {
  const plain = (name: string, type: Metric['type'], help: string, value: number): Metric => ({
    name,
    type,
    help,
    samples: [['', value]],
  });
  const byReason = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([reason, count]) => [label('reason', reason), count] as const);
  const byAccount = (name: string, help: string, pick: (account: AccountStatus) => number): Metric => ({
    name,
    type: 'gauge',
    help,
    samples: status.accounts.map((account) => [label('account', account.id), pick(account)]),
  });
  const sockets = status.accounts.flatMap(({ id, sockets }) =>
    sockets.map((socket, index) => ({
      labels: `${label('account', id)},${label('socket', `${index}`)}`,
      socket,
    })),
  );
  return [
    plain('sidecar_ticks_received_total', 'counter', 'Ticks decoded and accepted.', status.ticks_received),
    plain('sidecar_ticks_posted_total', 'counter', 'Ticks that shards took.', status.ticks_posted),
    plain(
      'sidecar_ticks_conflated_total',
      'counter',
      'Ticks replaced before posting.',
      status.ticks_conflated,
    ),
    {
      name: 'sidecar_ticks_rejected_total',
      type: 'counter',
      help: 'Ticks that failed validation.',
      samples: byReason(status.ticks_rejected),
    },
    plain('sidecar_frames_received_total', 'counter', 'Binary frames from Kite.', status.frames_received),
    {
      name: 'sidecar_frame_faults_total',
      type: 'counter',
      help: 'Frames and packets that could not be decoded.',
      samples: byReason(status.frame_faults),
    },
    plain('sidecar_batches_posted_total', 'counter', 'Batches that shards took.', status.batches_posted),
    plain('sidecar_batches_retried_total', 'counter', 'Posts sent again.', status.batches_retried),
    plain('sidecar_batches_failed_total', 'counter', 'Batches given up.', status.batches_failed),
    ...flushWindowMetrics(status.flush_window),
    plain('sidecar_subscriptions', 'gauge', 'Instruments on open sockets.', status.active_subscriptions),
    plain('sidecar_desired', 'gauge', 'Instruments to be streamed.', status.desired),
    plain('sidecar_not_placed', 'gauge', 'Instruments wanted and not streamed.', status.not_placed),
    plain('sidecar_pinned', 'gauge', 'Instruments with a pinned subscription.', status.pinned),
    plain(
      'sidecar_active',
      'gauge',
      '1 in the active sidecar, 0 in one that stands by.',
      Number(status.running),
    ),
    byAccount('sidecar_account_up', '1 while all is well with a Kite account.', ({ state }) =>
      state === 'ok' ? 1 : 0,
    ),
    byAccount('sidecar_account_capacity', 'Instruments that an account may carry.', (a) => a.capacity),
    byAccount('sidecar_account_instruments', 'Instruments that an account streams.', (a) => a.instruments),
    byAccount('sidecar_account_room', 'Instruments that an account could take over.', (a) => a.room),
    plain('sidecar_instruments', 'gauge', 'Instruments in the registry.', status.instruments.count),
    ...instrumentMetrics(status.instruments),
    {
      name: 'sidecar_socket_open',
      type: 'gauge',
      help: '1 while a Kite socket is open.',
      samples: sockets.map(({ labels, socket }) => [labels, socket.state === 'open' ? 1 : 0]),
    },
    {
      name: 'sidecar_socket_reconnects_total',
      type: 'counter',
      help: 'Times that a Kite socket was opened again.',
      samples: sockets.map(({ labels, socket }) => [labels, socket.reconnects]),
    },
    plain('sidecar_rss_bytes', 'gauge', 'Resident memory.', status.rss_bytes),
    plain('sidecar_cpu_seconds_total', 'counter', 'CPU time.', status.cpu_seconds),
  ];
}

function accountMetrics(status: SidecarStatus): Metric[] {
  const samples = status.accounts.flatMap(({ id, login }) =>
    login ? [[label('account', id), login.state === 'valid' ? 1 : 0] as const] : [],
  );
  const help = '1 while Kite accepts the access token.';
  return [{ name: 'sidecar_account_logged_in', type: 'gauge', help, samples }];
}

/** What is not known has no sample. */
function flushWindowMetrics(window: FlushWindowStatus): Metric[] {
  const gauge = (name: string, help: string, ms: number | undefined): Metric => ({
    name: `sidecar_${name}_seconds`,
    type: 'gauge',
    help,
    samples: ms === undefined ? [] : [['', ms / 1_000]],
  });
  return [
    gauge('flush_window', 'How long ticks wait for more, at most.', window.window_ms),
    gauge('flush_cost', 'What a round of batches costs the busiest gateway.', window.flush_cost_ms),
    gauge('post', 'Median time of the latest posts.', window.post_ms),
  ];
}

/** None from a sidecar that stands by. */
function greeksMetrics(greeks: GreeksFigures | undefined): Metric[] {
  if (!greeks) return [];
  const by = (name: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([value, count]) => [label(name, value), count] as const);
  const metric = (name: string, type: Metric['type'], help: string, samples: Metric['samples']): Metric => ({
    name: `sidecar_${name}`,
    type,
    help,
    samples,
  });
  return [
    metric('options_valued_total', 'counter', 'Valuations of options.', by('status', greeks.valued)),
    metric('options_renewed_total', 'counter', 'Valuations without a tick.', [['', greeks.renewed]]),
    metric('forwards_total', 'counter', 'Forwards worked out.', by('source', greeks.forwards)),
    metric('valuation_seconds_total', 'counter', 'Time that valuations took.', [['', greeks.seconds]]),
    metric('support', 'gauge', 'Instruments streamed for forwards.', [['', greeks.support]]),
  ];
}

/** Of the instrument list; what does not apply has no sample. */
function instrumentMetrics(instruments: InstrumentsStatus): Metric[] {
  const { loaded_at: loadedAt, trading_date: tradingDate, bad_rows: badRows, stored } = instruments;
  const gauge = (name: string, help: string, value: number | undefined): Metric => ({
    name: `sidecar_instruments_${name}`,
    type: 'gauge',
    help,
    samples: value === undefined ? [] : [['', value]],
  });
  const dateS = tradingDate === undefined ? undefined : Date.parse(tradingDate) / 1_000;
  return [
    gauge('fresh', '1 while the list is the newest that Kite has.', instruments.status === 'ok' ? 1 : 0),
    gauge('loaded_timestamp_seconds', 'When the list was read.', loadedAt && loadedAt / 1_000),
    gauge('trading_date_seconds', 'Trading date of the list, as midnight UTC.', dateS),
    gauge('bad_rows', 'Rows of the list that could not be read.', badRows),
    gauge('failures', 'Attempts to read a list since the last good one.', instruments.failures ?? 0),
    gauge('stored', '1 when the database has the list.', stored === undefined ? undefined : Number(stored)),
  ];
}

/** The status in Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats). */
export function prometheusText(status: SidecarStatus): string {
  return [...metricsOf(status), ...accountMetrics(status), ...greeksMetrics(status.greeks)]
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(
        ([labels, value]) => `${name}${labels === '' ? '' : `{${labels}}`} ${value}\n`,
      );
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    })
    .join('');
}
