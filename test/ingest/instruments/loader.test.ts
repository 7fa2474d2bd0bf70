import { expect, test } from 'vitest';
import { ThrottledError } from '../../../ingest/instruments/dump.ts';
import { InstrumentLoader, type LoadedList, type LoaderOptions } from '../../../ingest/instruments/loader.ts';
import type { Download, InstrumentTask, ReadList, StoredList } from '../../../ingest/instruments/task.ts';
import type { RunTask, TaskLimits } from '../../../ingest/instruments/thread.ts';
import {
  INSTRUMENT_DUMP_MS_MAX,
  INSTRUMENT_LOAD_BACKOFF_MS_MAX,
  INSTRUMENT_LOAD_BACKOFF_MS_MIN,
  INSTRUMENT_REFRESH_CHECK_MS,
} from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { readListOf, sharesOf } from '../support/lists.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

const ist = (text: string) => Date.parse(`${text}+05:30`);
const HOUR_MS = 3_600_000;

interface Stored {
  list?: StoredList | undefined;
  rows?: ReadonlyMap<string, number>;
  isAway: boolean;
}

/** A loader at 10:00 in India. Kite gives one answer after the other, and the last one for good. */
function loaderOf(answers: readonly (ReadList | Error)[], options: Partial<LoaderOptions> = {}) {
  const clock = new ManualClock(ist('2026-11-20T10:00:00'));
  const { log, lines } = recordingLog();
  const taken: LoadedList[] = [];
  const kite = { answers: [...answers], reads: 0 };
  const stored: Stored = { isAway: false };
  const download = (): Download => {
    const answer = kite.answers[Math.min(kite.reads++, kite.answers.length - 1)];
    if (!answer || answer instanceof Error) throw answer ?? new Error('no answer');
    return {
      list: answer,
      ...(stored.rows === undefined || stored.isAway ? {} : { storedRows: stored.rows }),
    };
  };
  const readStored = (): StoredList | undefined => {
    if (stored.isAway) throw new Error('database is away');
    return stored.list;
  };
  const run = (async ({ kind }: InstrumentTask, { msMax }: TaskLimits) => {
    expect(msMax).toBe(INSTRUMENT_DUMP_MS_MAX);
    return kind === 'download' ? download() : readStored();
  }) as unknown as RunTask;
  const loader = new InstrumentLoader({
    apiRoot: 'http://kite',
    databaseUrl: 'postgres://database',
    run,
    mustBeWhole: true,
    clock,
    random: () => 0.5,
    log,
    onLoaded: (list) => taken.push(list),
    ...options,
  });
  /** Until the loader waits for its clock again, after its `reads`th attempt. */
  const settled = (reads: number) =>
    eventually(() => {
      expect(kite.reads).toBe(reads);
      expect(clock.delaysMs).toHaveLength(1);
    });
  return { loader, clock, lines, taken, kite, stored, settled };
}

const good = (count = 10, prefix?: string) => readListOf(sharesOf(count, prefix));

test('hands over the list and says what was in it', async () => {
  const { loader, clock, lines, taken, settled } = loaderOf([
    { ...good(), badRows: 1, firstBadRow: 'line 9: x' },
  ]);
  expect(loader.status).toEqual({ status: 'loading', count: 0 });
  loader.start();
  await settled(1);
  expect(loader.status).toEqual({
    status: 'ok',
    count: 10,
    loaded_at: clock.wallMs(),
    trading_date: '2026-11-20',
    source: 'kite',
    bad_rows: 1,
  });
  expect(taken).toMatchObject([{ tradingDate: '2026-11-20', source: 'kite' }]);
  expect(lines.join('')).toMatch(/instruments loaded count=10 .*badRows=1 .*firstBadRow="line 9: x"/);
});

test('what cannot be had, or is not a list, is tried again', async () => {
  const { loader, clock, taken, settled, lines } = loaderOf([
    new Error('status 502'),
    readListOf([], { badRows: 1, firstBadRow: 'line 2: junk' }),
    { ...good(), isCutOff: true },
    good(),
  ]);
  loader.start();
  for (let attempt = 1; attempt <= 3; attempt++) {
    await settled(attempt);
    expect(loader.status).toEqual({ status: 'failed', count: 0, failures: attempt });
    expect(taken).toEqual([]);
    clock.advance(INSTRUMENT_LOAD_BACKOFF_MS_MAX);
  }
  await settled(4);
  expect(loader.status).toMatchObject({ status: 'ok', count: 10 });
  expect(loader.status).not.toHaveProperty('failures');
  expect(lines.filter((line) => line.includes('not loaded'))).toEqual([
    expect.stringContaining('status 502'),
    expect.stringContaining('no usable row, 1 bad ones: line 2: junk'),
    expect.stringContaining('half a download'),
  ]);
});

test('a storm of 429 is waited out: never sooner than Kite asks, and further apart each time', async () => {
  const throttled = new ThrottledError('status 429', 30_000);
  const { loader, clock, kite, settled } = loaderOf([throttled]);
  loader.start();
  const delaysMs: number[] = [];
  for (let attempt = 1; attempt <= 9; attempt++) {
    await settled(attempt);
    const [delayMs = 0] = clock.delaysMs;
    delaysMs.push(delayMs);
    clock.advance(delayMs - 1);
    expect(kite.reads).toBe(attempt);
    clock.advance(1);
  }
  const jitterMs = (failures: number) =>
    Math.min(INSTRUMENT_LOAD_BACKOFF_MS_MAX, INSTRUMENT_LOAD_BACKOFF_MS_MIN * 2 ** failures) / 2;
  expect(delaysMs).toEqual(delaysMs.map((_, failures) => 30_000 + jitterMs(failures)));
});

test('without Kite at the start the last good copy is used, its date is told, and Kite is asked further on', async () => {
  const { loader, clock, taken, stored, settled } = loaderOf([
    new Error('down'),
    new Error('down'),
    good(12),
  ]);
  stored.list = { list: good(11, 'OLD'), tradingDate: '2026-11-18' };
  loader.start();
  await settled(1);
  expect(loader.status).toEqual({
    status: 'stale',
    count: 11,
    loaded_at: clock.wallMs(),
    trading_date: '2026-11-18',
    source: 'database',
    bad_rows: 0,
    failures: 1,
  });
  clock.advance(INSTRUMENT_LOAD_BACKOFF_MS_MAX);
  await settled(2);
  // It is not read again: it has not changed.
  expect(taken).toHaveLength(1);
  clock.advance(INSTRUMENT_LOAD_BACKOFF_MS_MAX);
  await settled(3);
  expect(loader.status).toMatchObject({
    status: 'ok',
    count: 12,
    source: 'kite',
    trading_date: '2026-11-20',
  });
});

test('without Kite and without a database the list in use stays in use', async () => {
  const { loader, clock, taken, stored, settled, lines } = loaderOf([
    new Error('down'),
    good(),
    new Error('down'),
  ]);
  stored.isAway = true;
  loader.start();
  await settled(1);
  expect(loader.status).toEqual({ status: 'failed', count: 0, failures: 1 });
  clock.advance(INSTRUMENT_LOAD_BACKOFF_MS_MAX);
  await settled(2);
  clock.advance(23 * HOUR_MS);
  await settled(3);
  expect(loader.status).toMatchObject({ status: 'stale', count: 10, source: 'kite', failures: 1 });
  expect(taken).toHaveLength(1);
  expect(lines.join('')).toMatch(/no last good copy of the instruments error="database is away"/);
});

test('a list that lacks too much of the stored one, or of the one in use, does not take its place', async () => {
  const { loader, clock, taken, stored, settled, lines } = loaderOf([
    good(1_000),
    good(600),
    good(650),
    good(900),
  ]);
  loader.start();
  await settled(1);
  clock.advance(23 * HOUR_MS);
  await settled(2);
  expect(loader.status).toMatchObject({
    status: 'stale',
    count: 1_000,
    trading_date: '2026-11-20',
    failures: 1,
  });
  stored.rows = new Map([['NSE', 1_200]]);
  clock.advance(INSTRUMENT_LOAD_BACKOFF_MS_MAX);
  await settled(3);
  clock.advance(INSTRUMENT_LOAD_BACKOFF_MS_MAX);
  await settled(4);
  expect(loader.status).toMatchObject({ status: 'ok', count: 900, trading_date: '2026-11-21' });
  expect(taken.map(({ registry }) => registry.size)).toEqual([1_000, 900]);
  expect(lines.filter((line) => line.includes('not loaded'))).toEqual([
    expect.stringContaining('list is not whole: 600 instruments, the last good list has 1000'),
    expect.stringContaining('list is not whole: 650 instruments, the last good list has 1200'),
  ]);
});

test('where any list is taken, one that is smaller or cut off is taken too, but not one of junk', async () => {
  const junk = readListOf(sharesOf(100), { badRows: 50, firstBadRow: 'line 2: junk' });
  const { loader, clock, stored, settled } = loaderOf([junk, { ...good(10), isCutOff: true }], {
    mustBeWhole: false,
  });
  stored.rows = new Map([['NSE', 100_000]]);
  loader.start();
  await settled(1);
  expect(loader.status.status).toBe('failed');
  clock.advance(INSTRUMENT_LOAD_BACKOFF_MS_MAX);
  await settled(2);
  expect(loader.status).toMatchObject({ status: 'ok', count: 10 });
});

test('a list that turns out not to be whole gives way to the stored one until Kite has a whole one', async () => {
  const { loader, clock, taken, stored, settled } = loaderOf([good(100), good(100), good(1_000)]);
  stored.rows = new Map([['NSE', 1_000]]);
  stored.list = { list: good(1_000, 'OLD'), tradingDate: '2026-11-19' };
  stored.isAway = true;
  loader.start();
  await settled(1);
  expect(loader.status).toMatchObject({ status: 'ok', count: 100 });
  stored.isAway = false;
  loader.doubt();
  await settled(2);
  expect(loader.status).toMatchObject({ status: 'stale', count: 1_000, source: 'database' });
  clock.advance(INSTRUMENT_LOAD_BACKOFF_MS_MAX);
  await settled(3);
  expect(loader.status).toMatchObject({ status: 'ok', count: 1_000, source: 'kite' });
  expect(taken.map(({ source }) => source)).toEqual(['kite', 'database', 'kite']);
});

test('a list that is refused by whoever uses it is not reported as loaded', async () => {
  const { loader, settled } = loaderOf([good()], {
    onLoaded: () => {
      throw new RangeError('too many');
    },
  });
  loader.start();
  await settled(1);
  expect(loader.status).toEqual({ status: 'failed', count: 0, failures: 1 });
});

test('the list is read anew at 08:35 and 09:05 in India, and at no other time', async () => {
  const { loader, clock, kite, settled } = loaderOf([good()]);
  loader.start();
  await settled(1);
  const readAt: string[] = [];
  for (let minute = 0; minute < 2 * 24 * 60; minute++) {
    const before = kite.reads;
    clock.advance(INSTRUMENT_REFRESH_CHECK_MS);
    if (kite.reads === before) continue;
    readAt.push(new Date(clock.wallMs() + 330 * 60_000).toISOString().slice(0, 16));
    await settled(before + 1);
  }
  expect(readAt).toEqual(['2026-11-21T08:35', '2026-11-21T09:05', '2026-11-22T08:35', '2026-11-22T09:05']);
  expect(loader.status).toMatchObject({ status: 'ok', trading_date: '2026-11-22' });
});

test('a clock that jumps costs a reading, and leaves the right date once it is right', async () => {
  const { loader, clock, kite, settled } = loaderOf([good()]);
  loader.start();
  await settled(1);
  for (const [byMs, date] of [
    [40 * 24 * HOUR_MS, '2026-12-30'],
    [-400 * 24 * HOUR_MS, '2025-11-25'],
    [360 * 24 * HOUR_MS, '2026-11-20'],
  ] as const) {
    clock.jumpWall(byMs);
    const before = kite.reads;
    clock.advance(INSTRUMENT_REFRESH_CHECK_MS);
    await settled(before + 1);
    expect(loader.status).toMatchObject({ status: 'ok', trading_date: date });
  }
  // Back and forth within the day changes nothing.
  clock.jumpWall(5 * HOUR_MS);
  clock.advance(INSTRUMENT_REFRESH_CHECK_MS);
  clock.jumpWall(-5 * HOUR_MS);
  clock.advance(INSTRUMENT_REFRESH_CHECK_MS);
  expect(kite.reads).toBe(4);
});

test('stopped, it neither retries nor looks at the clock nor hands over', async () => {
  const failing = loaderOf([new Error('away')]);
  failing.loader.start();
  await failing.settled(1);
  failing.loader.stop();
  expect(failing.clock.delaysMs).toEqual([]);
  const { loader, taken, clock } = loaderOf([good()]);
  loader.start();
  loader.stop();
  loader.doubt();
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(taken).toEqual([]);
  expect(clock.delaysMs).toEqual([]);
});
