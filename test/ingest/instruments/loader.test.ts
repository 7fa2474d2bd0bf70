import { expect, test, vi } from 'vitest';
import { InstrumentLoader } from '../../../ingest/instruments/loader.ts';
import type { InstrumentRegistry } from '../../../ingest/instruments/registry.ts';
import { INSTRUMENT_LOAD_BACKOFF_MS_MAX } from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

const CSV =
  'instrument_token,tradingsymbol,name,expiry,strike,tick_size,lot_size,instrument_type,segment,exchange\n' +
  '408065,INFY,INFOSYS,,0,0.05,1,EQ,NSE,NSE\njunk\n';

/** Stands still for waits, but lets the event loop turn. */
class TurningClock extends ManualClock {
  override soon(run: () => void): void {
    setImmediate(run);
  }
}

function loaderOf(
  dumps: readonly (string | Error)[],
  onLoaded: (registry: InstrumentRegistry) => void = () => undefined,
) {
  const clock = new TurningClock();
  const { log, lines } = recordingLog();
  let loads = 0;
  const loader = new InstrumentLoader({
    async *fetchDump() {
      const dump = dumps[Math.min(loads++, dumps.length - 1)] as string | Error;
      if (dump instanceof Error) throw dump;
      yield Buffer.from(dump);
    },
    clock,
    random: () => 0.5,
    log,
    onLoaded,
  });
  return { loader, clock, lines, loads: () => loads };
}

test('hands over the list and says what was in it', async () => {
  const taken: number[] = [];
  const { loader, clock, lines } = loaderOf([CSV], (registry) => taken.push(registry.size));
  expect(loader.status).toEqual({ status: 'loading', count: 0 });
  loader.start();
  await eventually(() => expect(loader.status.status).toBe('ok'));
  expect(loader.status).toEqual({ status: 'ok', count: 1, loaded_at: clock.wallMs() });
  expect(taken).toEqual([1]);
  expect(lines.join('')).toMatch(/instruments loaded count=1 .*badRows=1/);
});

test('what cannot be had, or is not a list, is tried again', async () => {
  const onLoaded = vi.fn();
  const { loader, clock, loads, lines } = loaderOf(
    [new Error('status 502'), '<html>', CSV.split('\n', 1)[0] as string, CSV],
    onLoaded,
  );
  loader.start();
  for (let attempt = 1; attempt <= 3; attempt++) {
    await eventually(() => expect(clock.delaysMs).toHaveLength(1));
    expect(loader.status).toEqual({ status: 'failed', count: 0 });
    expect(loads()).toBe(attempt);
    clock.advance(INSTRUMENT_LOAD_BACKOFF_MS_MAX);
  }
  await eventually(() => expect(loader.status.status).toBe('ok'));
  expect(onLoaded).toHaveBeenCalledTimes(1);
  expect(lines.filter((line) => line.includes('not loaded'))).toEqual([
    expect.stringContaining('status 502'),
    expect.stringContaining('no column instrument_token'),
    expect.stringContaining('no usable row'),
  ]);
});

test('a list that is refused is not reported as loaded', async () => {
  const { loader, clock } = loaderOf([CSV], () => {
    throw new RangeError('too many');
  });
  loader.start();
  await eventually(() => expect(clock.delaysMs).toHaveLength(1));
  expect(loader.status.status).toBe('failed');
});

test('stopped, it neither retries nor hands over', async () => {
  const onLoaded = vi.fn();
  const { loader, clock } = loaderOf([new Error('away')], onLoaded);
  loader.start();
  await eventually(() => expect(clock.delaysMs).toHaveLength(1));
  loader.stop();
  expect(clock.delaysMs).toEqual([]);
  const second = loaderOf([CSV], onLoaded);
  second.loader.start();
  second.loader.stop();
  await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))));
  expect(onLoaded).not.toHaveBeenCalled();
});
