// The lease's keeper on a clock of the test's: who is active, when posts may leave, and that there are never two of them.
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { LeaseKeeper } from '../../ingest/lease-keeper.ts';
import {
  SIDECAR_LEASE_MARGIN_MS,
  SIDECAR_LEASE_MS,
  SIDECAR_LEASE_POLL_MS,
  SIDECAR_LEASE_RENEW_MS,
} from '../../shared/limits.ts';
import { LeaseTable } from './support/lease-table.ts';
import { ManualClock } from './support/manual-clock.ts';
import { recordingLog } from './support/recording-log.ts';

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A sidecar's own clock: while its process is stopped no timer fires, and those that fell due fire late. */
class ProcessClock extends ManualClock {
  #missedMs: number | undefined;

  get isStopped(): boolean {
    return this.#missedMs !== undefined;
  }

  stop(): void {
    this.#missedMs ??= 0;
  }

  /** It is now already, and no timer has fired yet. */
  resume(): void {
    this.skip(this.#missedMs ?? 0);
    this.#missedMs = undefined;
  }

  override advance(byMs: number): void {
    if (this.#missedMs === undefined) super.advance(byMs);
    else this.#missedMs += byMs;
  }
}

interface Candidate {
  readonly keeper: LeaseKeeper;
  readonly clock: ProcessClock;
  readonly onTaken: ReturnType<typeof vi.fn<(epoch: number) => void>>;
  readonly onLost: ReturnType<typeof vi.fn<(reason: string) => void>>;
  readonly lines: string[];
  /** Whether a post may leave, as the keeper says now. */
  mayPost(): Promise<boolean>;
}

class Room {
  /** The database's. */
  readonly clock = new ManualClock();
  readonly table = new LeaseTable(this.clock);
  readonly candidates: Candidate[] = [];
  gone = new Set<string>();

  add(id: string): Candidate {
    const clock = new ProcessClock(this.clock.monotonicMs());
    const { log, lines } = recordingLog();
    const onTaken = vi.fn<(epoch: number) => void>();
    const onLost = vi.fn<(reason: string) => void>();
    const isHolderGone = (holder: { id: string }) => this.gone.has(holder.id);
    const store = this.table.storeOf(id);
    const keeper = new LeaseKeeper({ store, isHolderGone, clock, log, onTaken, onLost });
    const mayPost = () =>
      keeper.confirm().then(
        () => true,
        () => false,
      );
    const candidate = { keeper, clock, onTaken, onLost, lines, mayPost };
    this.candidates.push(candidate);
    keeper.start();
    return candidate;
  }

  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 100) {
      this.clock.advance(100);
      for (const { clock } of this.candidates) clock.advance(100);
      await settle();
    }
  }
}

test('the first is active at once, the second stands by and takes over when the first gives the lease back', async () => {
  const room = new Room();
  const first = room.add('first');
  await settle();
  const second = room.add('second');
  await room.pass(10 * SIDECAR_LEASE_MS);
  expect([first.keeper.state, second.keeper.state]).toEqual(['held', 'standby']);
  expect(first.onTaken).toHaveBeenCalledExactlyOnceWith(room.table.epoch);
  expect(second.onTaken).not.toHaveBeenCalled();
  expect([await first.mayPost(), await second.mayPost()]).toEqual([true, false]);
  expect(second.lines).toEqual([
    expect.stringContaining('another sidecar has the lease, this one stands by'),
  ]);
  const epoch = room.table.epoch ?? 0;
  await first.keeper.stop();
  await room.pass(SIDECAR_LEASE_POLL_MS);
  expect(second.keeper.state).toBe('held');
  expect(room.table.epoch).toBeGreaterThan(epoch);
  expect(first.onLost).not.toHaveBeenCalled();
});

test('the lease of one that is silent ends, and that of a process that has ended is free at once', async () => {
  const room = new Room();
  const first = room.add('first');
  await settle();
  const second = room.add('second');
  await room.pass(SIDECAR_LEASE_RENEW_MS);
  first.clock.stop();
  await room.pass(SIDECAR_LEASE_MS - SIDECAR_LEASE_POLL_MS);
  expect(second.keeper.state).toBe('standby');
  await room.pass(2 * SIDECAR_LEASE_POLL_MS);
  expect(second.keeper.state).toBe('held');
  second.clock.stop();
  room.gone.add('second');
  const third = room.add('third');
  await settle();
  expect(third.keeper.state).toBe('held');
});

test('one that was stopped notices before it posts, and stands by', async () => {
  const room = new Room();
  const first = room.add('first');
  await settle();
  const second = room.add('second');
  await room.pass(SIDECAR_LEASE_RENEW_MS);
  first.clock.stop();
  await room.pass(20_000);
  expect(second.keeper.state).toBe('held');
  first.clock.resume();
  expect(await first.mayPost()).toBe(false);
  expect(first.onLost).toHaveBeenCalledExactlyOnceWith('another sidecar has taken it');
  await room.pass(10_000);
  expect([first.keeper.state, second.keeper.state]).toEqual(['standby', 'held']);
});

test('one that was stopped and missed by nobody goes on, after it has asked', async () => {
  const room = new Room();
  const first = room.add('first');
  await settle();
  first.clock.skip(20_000);
  room.clock.advance(20_000);
  const before = room.table.renewals;
  expect(await Promise.all([first.mayPost(), first.mayPost()])).toEqual([true, true]);
  expect(room.table.renewals).toBe(before + 1);
  expect(first.onLost).not.toHaveBeenCalled();
});

test('an answer to a question from before the stop is not enough', async () => {
  const room = new Room();
  const first = room.add('first');
  await settle();
  let resume: () => void = () => undefined;
  room.table.pause = new Promise((resolve) => {
    resume = resolve;
  });
  first.clock.skip(SIDECAR_LEASE_MS);
  const posting = first.mayPost();
  first.clock.skip(SIDECAR_LEASE_MS);
  resume();
  expect(await posting).toBe(true);
  // The one under way, and one more.
  expect(room.table.renewals).toBe(2);
});

describe('the database is away', () => {
  test('the active one goes on, the other one stands by, and after it the first has its lease again', async () => {
    const room = new Room();
    const first = room.add('first');
    await settle();
    const second = room.add('second');
    await room.pass(1_000);
    const { epoch } = room.table;
    room.table.isAway = true;
    for (let s = 0; s < 60; s++) {
      await room.pass(1_000);
      expect(await first.mayPost()).toBe(true);
    }
    expect([first.keeper.state, second.keeper.state]).toEqual(['unconfirmed', 'standby']);
    room.table.isAway = false;
    await room.pass(30_000);
    expect([first.keeper.state, second.keeper.state]).toEqual(['held', 'standby']);
    expect(room.table.epoch).toBe(epoch);
    expect(first.lines.filter((line) => line.includes('does not answer'))).toHaveLength(1);
    expect(first.lines.at(-1)).toContain('database answers about the lease again');
  });

  test('an active one that dies in an outage is replaced after it', async () => {
    const room = new Room();
    const first = room.add('first');
    await settle();
    const second = room.add('second');
    room.table.isAway = true;
    await room.pass(30_000);
    first.clock.stop();
    room.table.isAway = false;
    await room.pass(SIDECAR_LEASE_MS + 2 * SIDECAR_LEASE_POLL_MS);
    expect(second.keeper.state).toBe('held');
  });

  test('one that was stopped in an outage asks before it posts, and goes on without an answer', async () => {
    const room = new Room();
    const first = room.add('first');
    await settle();
    room.table.isAway = true;
    await room.pass(5_000);
    first.clock.skip(60_000);
    expect(await first.mayPost()).toBe(true);
    expect(first.keeper.state).toBe('unconfirmed');
  });

  test('a later epoch at the edge ends it: somebody reaches the database', async () => {
    const room = new Room();
    const first = room.add('first');
    await settle();
    room.table.isAway = true;
    await room.pass(5_000);
    expect(await first.keeper.isOursAfterAll()).toBe(false);
    expect(first.keeper.state).toBe('standby');
    expect(first.onLost).toHaveBeenCalledTimes(1);
  });
});

test('a later epoch at the edge that no lease explains is told apart', async () => {
  const room = new Room();
  const first = room.add('first');
  await settle();
  expect(await first.keeper.isOursAfterAll()).toBe(true);
  expect(first.keeper.state).toBe('held');
});

test('one that is stopped while it is given the lease gives it back', async () => {
  const room = new Room();
  let resume: () => void = () => undefined;
  room.table.pause = new Promise((resolve) => {
    resume = resolve;
  });
  const first = room.add('first');
  const stopped = first.keeper.stop();
  resume();
  await stopped;
  expect(first.onTaken).not.toHaveBeenCalled();
  const second = room.add('second');
  await settle();
  expect(second.keeper.state).toBe('held');
});

test('whatever happens to processes and database, a post never leaves between another one taking over and its end', async () => {
  const event = fc.record({
    afterMs: fc.integer({ min: 1, max: 80 }).map((tenths) => tenths * 100),
    what: fc.constantFrom(
      'stop 0',
      'stop 1',
      'resume 0',
      'resume 1',
      'outage',
      'database',
      'clock 0',
      'clock 1',
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
      const room = new Room();
      const candidates = [room.add('first'), room.add('second')];
      const look = async () => {
        // Outages apart, where only the edge can tell, at most one may post at any time.
        const allowed: number[] = [];
        for (const [index, { clock, keeper, mayPost }] of candidates.entries()) {
          if (!clock.isStopped && (await mayPost()) && keeper.state === 'held') allowed.push(index);
        }
        expect(allowed.length).toBeLessThanOrEqual(1);
        const epochs = candidates.map(({ onTaken }) => onTaken.mock.calls.at(-1)?.[0] ?? 0);
        for (const index of allowed) expect(epochs[index]).toBe(Math.max(...epochs));
      };
      for (const { afterMs, what } of events) {
        for (let passedMs = 0; passedMs < afterMs; passedMs += 500) {
          await room.pass(Math.min(500, afterMs - passedMs));
          await look();
        }
        const candidate = candidates[Number(what.at(-1))] ?? candidates[0];
        if (what.startsWith('stop')) candidate?.clock.stop();
        if (what.startsWith('resume')) candidate?.clock.resume();
        if (what.startsWith('clock')) candidate?.clock.jumpWall(7_000);
        if (what === 'outage') room.table.isAway = true;
        if (what === 'database') room.table.isAway = false;
        await look();
      }
      room.table.isAway = false;
      for (const { clock } of candidates) clock.resume();
      await room.pass(2 * SIDECAR_LEASE_MS + SIDECAR_LEASE_MARGIN_MS);
      await look();
      expect(candidates.map(({ keeper }) => keeper.state).sort()).toEqual(['held', 'standby']);
    }),
    { numRuns: 60 },
  );
});
