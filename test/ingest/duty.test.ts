// The two lives of the process: which sidecar runs under which epoch, and when the process should end.
import { expect, test, vi } from 'vitest';
import { type CreateSidecar, Duty } from '../../ingest/duty.ts';
import { type Lease, LeaseKeeper } from '../../ingest/lease-keeper.ts';
import { SIDECAR_LEASE_MS } from '../../shared/limits.ts';
import { LeaseTable } from './support/lease-table.ts';
import { ManualClock } from './support/manual-clock.ts';
import { recordingLog } from './support/recording-log.ts';
import { statusOf } from './support/statuses.ts';

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Term {
  readonly epoch: number;
  readonly lease: Lease;
  readonly supersede: (reason: string) => void;
  isRunning: boolean;
}

/** `ending`: until then a term that was stopped stores what has become of its orders. */
function room(hasDatabase: boolean, ending: Promise<void> = Promise.resolve()) {
  const clock = new ManualClock();
  const table = new LeaseTable(clock);
  const terms: Term[] = [];
  const onSuperseded = vi.fn<(reason: string) => void>();
  const create: CreateSidecar = (epoch, lease, supersede) => {
    const term: Term = { epoch, lease, supersede, isRunning: false };
    terms.push(term);
    return {
      start: () => void Object.assign(term, { isRunning: true }),
      stop: async () => {
        Object.assign(term, { isRunning: false });
        await ending;
      },
      status: () => statusOf({ epoch, running: term.isRunning }),
    };
  };
  const { log } = recordingLog();
  const options = { store: table.storeOf('first'), isHolderGone: () => false, clock, log };
  const duty = new Duty({
    create,
    ...(hasDatabase ? { createKeeper: (events) => new LeaseKeeper({ ...options, ...events }) } : {}),
    wallMs: () => clock.wallMs(),
    onSuperseded,
  });
  const running = () => terms.filter(({ isRunning }) => isRunning);
  return { clock, table, duty, terms, running, onSuperseded };
}

test('without a database it is active from the start, under the time of this machine, until it is superseded', async () => {
  const { clock, duty, running, onSuperseded } = room(false);
  expect(duty.status().running).toBe(false);
  duty.start();
  expect(running()).toMatchObject([{ epoch: clock.wallMs(), lease: { state: 'none' } }]);
  await running()[0]?.lease.confirm();
  running()[0]?.supersede('409');
  await settle();
  expect(onSuperseded).toHaveBeenCalledExactlyOnceWith('409');
});

test('stands by while another one has the lease, runs under its epoch when it has it itself, one at a time', async () => {
  const { clock, table, duty, terms, running } = room(true);
  const other = table.storeOf('other');
  const epoch = (await other.take(0, false)) ?? 0;
  duty.start();
  await settle();
  expect(running()).toEqual([]);
  expect(duty.status()).toMatchObject({ running: false, epoch: 0 });
  clock.advance(SIDECAR_LEASE_MS);
  await settle();
  expect(running()).toMatchObject([{ epoch: table.epoch, lease: { state: 'held' } }]);
  expect(duty.status().epoch).toBeGreaterThan(epoch);
  // The other one has it again: the next renewal finds out.
  clock.skip(2 * SIDECAR_LEASE_MS);
  await other.take(table.epoch ?? 0, false);
  clock.advance(0);
  await settle();
  expect(running()).toEqual([]);
  expect(duty.status()).toMatchObject({ running: false, epoch: 0 });
  await other.release(table.epoch ?? 0);
  clock.advance(SIDECAR_LEASE_MS);
  await settle();
  expect(running()).toMatchObject([{ epoch: table.epoch }]);
  expect(terms.filter(({ epoch }) => epoch > 0)).toHaveLength(2);
  await duty.stop();
  expect(running()).toEqual([]);
  expect((await other.read())?.isReleased).toBe(true);
});

test('refused by the edge it stands by when the lease is lost, and should end when it is not', async () => {
  const { clock, table, duty, running, onSuperseded } = room(true);
  duty.start();
  await settle();
  clock.skip(SIDECAR_LEASE_MS);
  await table.storeOf('other').take(table.epoch ?? 0, false);
  running()[0]?.supersede('409');
  await settle();
  expect([running().length, onSuperseded.mock.calls.length]).toEqual([0, 0]);

  const alone = room(true);
  alone.duty.start();
  await settle();
  alone.running()[0]?.supersede('409');
  await settle();
  expect(alone.onSuperseded).toHaveBeenCalledExactlyOnceWith('409');
});

test('asked to end, it keeps the lease until what is under way of orders is stored', async () => {
  let end: () => void = () => undefined;
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  const { table, duty, running } = room(true, ending);
  const other = table.storeOf('other');
  duty.start();
  await settle();
  const stopped = duty.stop();
  await settle();
  expect(running()).toEqual([]);
  expect((await other.read())?.isReleased).toBe(false);
  end();
  await stopped;
  expect((await other.read())?.isReleased).toBe(true);
});
