import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  CLIENT_COMMANDS_QUEUED_MAX,
  CLIENT_SUBSCRIPTIONS_MAX,
  MESSAGES_ABUSIVE_PER_SECOND,
  MESSAGES_JOINED_ABUSIVE_PER_SECOND,
  MESSAGES_PER_SECOND_MAX,
} from '../../../shared/limits.ts';
import { MessageRate } from '../../../worker/core/rate-limit.ts';

const INTERVAL_MS = 1_000 / MESSAGES_PER_SECOND_MAX;
const NOW_MS = 1_764_000_000_000;

/** A socket's queue as the gateway has it: what is due has been answered, unless its commands are slow. */
class Socket {
  readonly #rate = new MessageRate();
  #due: number[] = [];
  isSlow = false;

  take(nowMs: number) {
    if (!this.isSlow) this.#due = this.#due.filter((atMs) => atMs > nowMs);
    const verdict = this.#rate.take(nowMs, this.#due.length);
    if (verdict.kind === 'take') this.#due.push(verdict.dueAtMs);
    return verdict;
  }
}

test('a burst of one second goes at once, what follows waits its turn, and what finds no room is refused', () => {
  const socket = new Socket();
  for (let i = 0; i < MESSAGES_PER_SECOND_MAX; i++) {
    expect(socket.take(NOW_MS)).toEqual({ kind: 'take', dueAtMs: NOW_MS });
  }
  for (let i = 1; i <= CLIENT_COMMANDS_QUEUED_MAX; i++) {
    expect(socket.take(NOW_MS)).toEqual({ kind: 'take', dueAtMs: NOW_MS + i * INTERVAL_MS });
  }
  expect(socket.take(NOW_MS)).toEqual({ kind: 'refuse', retryAfterMs: INTERVAL_MS });
  expect(socket.take(NOW_MS + INTERVAL_MS - 1)).toMatchObject({ kind: 'refuse' });
  // The refused ones have taken no turn: with the time that was named there is room.
  expect(socket.take(NOW_MS + INTERVAL_MS)).toEqual({
    kind: 'take',
    dueAtMs: NOW_MS + (CLIENT_COMMANDS_QUEUED_MAX + 1) * INTERVAL_MS,
  });
});

test('commands that are slow to answer fill the queue too, and what comes then is refused, not punished', () => {
  const socket = new Socket();
  socket.isSlow = true;
  const kinds = Array.from({ length: MESSAGES_ABUSIVE_PER_SECOND }, () => socket.take(NOW_MS).kind);
  expect(kinds.indexOf('refuse')).toBe(CLIENT_COMMANDS_QUEUED_MAX);
  expect(kinds.filter((kind) => kind === 'take')).toHaveLength(CLIENT_COMMANDS_QUEUED_MAX);
  expect(kinds).not.toContain('close');
  socket.isSlow = false;
  expect(socket.take(NOW_MS + 4_000)).toEqual({ kind: 'take', dueAtMs: NOW_MS + 4_000 });
});

test('the pace itself is never delayed, however long it goes on', () => {
  const socket = new Socket();
  for (let i = 0; i < 10_000; i++) {
    const nowMs = NOW_MS + i * INTERVAL_MS;
    expect(socket.take(nowMs)).toEqual({ kind: 'take', dueAtMs: nowMs });
  }
});

test('a flood is closed at twenty times the pace, and not one message before', () => {
  const socket = new Socket();
  const kinds = Array.from({ length: MESSAGES_ABUSIVE_PER_SECOND }, () => socket.take(NOW_MS).kind);
  expect(kinds).not.toContain('close');
  expect(socket.take(NOW_MS)).toEqual({ kind: 'close' });
});

test('just under the abusive rate is refused for ever and never closed', () => {
  const socket = new Socket();
  const stepMs = 1_000 / (MESSAGES_ABUSIVE_PER_SECOND - 1);
  const counts = { take: 0, refuse: 0, close: 0 };
  for (let i = 0; i < 20_000; i++) counts[socket.take(NOW_MS + i * stepMs).kind]++;
  expect(counts.close).toBe(0);
  const seconds = (20_000 * stepMs) / 1_000;
  expect(counts.take).toBeLessThanOrEqual(
    MESSAGES_PER_SECOND_MAX * (seconds + 1) + CLIENT_COMMANDS_QUEUED_MAX,
  );
  expect(counts.take).toBeGreaterThanOrEqual(MESSAGES_PER_SECOND_MAX * (seconds - 1));
});

test('silence gives the burst back', () => {
  const socket = new Socket();
  for (let i = 0; i < MESSAGES_PER_SECOND_MAX; i++) socket.take(NOW_MS);
  for (let i = 0; i < MESSAGES_PER_SECOND_MAX; i++) {
    expect(socket.take(NOW_MS + 1_000)).toEqual({ kind: 'take', dueAtMs: NOW_MS + 1_000 });
  }
  expect(socket.take(NOW_MS + 1_000)).toEqual({ kind: 'take', dueAtMs: NOW_MS + 1_000 + INTERVAL_MS });
});

test('a clock that is set back neither closes a socket nor lets it wait for the time that it has lost', () => {
  const socket = new Socket();
  for (let i = 0; i < MESSAGES_PER_SECOND_MAX; i++) socket.take(NOW_MS);
  const earlierMs = NOW_MS - 3_600_000;
  expect(socket.take(earlierMs)).toEqual({ kind: 'take', dueAtMs: earlierMs + INTERVAL_MS });
  expect(socket.take(earlierMs)).toEqual({ kind: 'take', dueAtMs: earlierMs + 2 * INTERVAL_MS });
});

test('in any second no more is carried out than the pace and one burst, in the order of arrival, none later than the bound', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 400 }), (gaps) => {
      const socket = new Socket();
      const due: number[] = [];
      let nowMs = NOW_MS;
      for (const gapMs of gaps) {
        nowMs += gapMs < 300 ? 0 : gapMs;
        const verdict = socket.take(nowMs);
        if (verdict.kind === 'refuse') expect(verdict.retryAfterMs).toBeGreaterThanOrEqual(INTERVAL_MS);
        if (verdict.kind !== 'take') continue;
        expect(verdict.dueAtMs).toBeGreaterThanOrEqual(nowMs);
        expect(verdict.dueAtMs).toBeLessThanOrEqual(nowMs + CLIENT_COMMANDS_QUEUED_MAX * INTERVAL_MS);
        due.push(verdict.dueAtMs);
      }
      expect(due).toEqual([...due].sort((a, b) => a - b));
      for (const [i, fromMs] of due.entries()) {
        const within = due.slice(i).filter((atMs) => atMs < fromMs + 1_000).length;
        expect(within).toBeLessThanOrEqual(2 * MESSAGES_PER_SECOND_MAX);
      }
    }),
  );
});

test('where messages are joined, a flood is more of them than there can be instruments', () => {
  const rate = new MessageRate(MESSAGES_JOINED_ABUSIVE_PER_SECOND);
  for (let i = 0; i < CLIENT_SUBSCRIPTIONS_MAX; i++) expect(rate.isFlood(NOW_MS)).toBe(false);
  expect(rate.isFlood(NOW_MS)).toBe(true);
  expect(rate.isFlood(NOW_MS + 1_000)).toBe(false);
});
