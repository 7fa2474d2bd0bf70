// The standing of tokens: Kite's own answers, asked for once per doubt; the clock only warns.
import { beforeEach, describe, expect, test } from 'vitest';
import type { BookedAccount } from '../../../ingest/kite/account-book.ts';
import { LoginWatch } from '../../../ingest/kite/login-watch.ts';
import { type KiteFailure, KiteRestError } from '../../../ingest/kite/rest-error.ts';
import { TOKEN_PROBE_BACKOFF_MS_MAX, TOKEN_PROBE_BACKOFF_MS_MIN } from '../../../shared/limits.ts';
import type { AccountState } from '../../../shared/status.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

const END_MS = Date.parse('2026-11-22T06:00:00+05:30');

const booked = (accessToken: string | undefined, parts: object = {}): BookedAccount => ({
  account: {
    id: 'main',
    apiKey: 'the-key',
    ...(accessToken === undefined ? {} : { accessToken }),
    isEnabled: true,
    connectionsMax: 3,
    instrumentsMax: 3_000,
    ...parts,
  },
  ...(accessToken === undefined ? {} : { tokenIssuedAtMs: END_MS - 80_000_000, tokenExpiresAtMs: END_MS }),
  isTokenUnreadable: false,
});

let clock: ManualClock;
let asked: number;
/** What Kite says to the probe; undefined: nothing yet. */
let answer: 'ok' | 'unsent' | KiteFailure | undefined;
let waiting: (() => void)[];
let watch: LoginWatch;
let lines: string[];

beforeEach(() => {
  clock = new ManualClock(END_MS - 7_200_000);
  asked = 0;
  answer = 'ok';
  waiting = [];
  const recording = recordingLog();
  lines = recording.lines;
  watch = new LoginWatch({
    clock,
    random: () => 0,
    log: recording.log,
    rest: {
      call: async (request, schema) => {
        expect(request).toEqual({ method: 'GET', path: '/user/profile' });
        asked++;
        if (answer === undefined) await new Promise<void>((resolve) => waiting.push(resolve));
        if (answer === 'ok') return schema.parse({ user_id: 'AB1234', email: 'x' });
        // As the pool: a refusal by Kite is reported, and has a status.
        if (answer === 'unauthorized') watch.noteRefused('main', 'token');
        // And its own refusal to send for an account without a session.
        if (answer === 'unsent') throw new KiteRestError('unauthorized', 'x', { mayHaveArrived: false });
        throw new KiteRestError(answer ?? 'timeout', 'GET /user/profile: x', { mayHaveArrived: true });
      },
    },
  });
});

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const state = () => watch.statusOf('main')?.state;
const sockets = (of: AccountState) => watch.observe([{ id: 'main', state: of }]);
const logged = (text: string) => lines.filter((line) => line.includes(text)).length;

test('a new token is asked about once, and its standing is what Kite says', async () => {
  watch.setAccounts([booked('token')]);
  expect(state()).toBe('unverified');
  await settle();
  expect(watch.statusOf('main')).toEqual({
    state: 'valid',
    issued_at: END_MS - 80_000_000,
    expires_at: END_MS,
  });
  watch.setAccounts([booked('token')]);
  for (let i = 0; i < 100; i++) sockets('ok');
  await settle();
  expect(asked).toBe(1);
  watch.setAccounts([booked('other')]);
  await settle();
  expect([asked, state()]).toEqual([2, 'valid']);
  expect(lines.join()).not.toMatch(/token=|the-key/);
});

test('a dead token is asked about once, however often its sockets are refused, until there is another', async () => {
  answer = 'unauthorized';
  watch.setAccounts([booked('token')]);
  await settle();
  for (let second = 0; second < 3_600; second++) {
    sockets(second % 2 === 0 ? 'unauthorized' : 'connecting');
    clock.advance(1_000);
  }
  await settle();
  expect([asked, state(), logged('kite refused the access token')]).toEqual([1, 'refused', 1]);
  expect(lines.find((line) => line.includes('refused'))).toContain('npm run kite:login -- --account main');
  answer = 'ok';
  watch.setAccounts([booked('tomorrow')]);
  await settle();
  expect([asked, state()]).toEqual([2, 'valid']);
});

test('a token that dies in mid-day: one question when the sockets are refused', async () => {
  watch.setAccounts([booked('token')]);
  await settle();
  answer = 'unauthorized';
  for (let i = 0; i < 10; i++) sockets('unauthorized');
  await settle();
  for (let i = 0; i < 10; i++) sockets('unauthorized');
  await settle();
  expect([asked, state()]).toEqual([2, 'refused']);
});

test('sockets that are refused with a token that is good are told apart from a dead token', async () => {
  watch.setAccounts([booked('token')]);
  await settle();
  for (let i = 0; i < 10; i++) sockets('unauthorized');
  await settle();
  for (let i = 0; i < 10; i++) sockets('unauthorized');
  await settle();
  expect([asked, state(), logged('refuses the sockets and accepts the token')]).toEqual([2, 'valid', 1]);
});

test('a call that is refused tells it too, and one with an old token tells nothing', async () => {
  watch.setAccounts([booked('token')]);
  await settle();
  watch.noteRefused('main', 'yesterday');
  watch.noteRefused('nobody', 'token');
  expect(state()).toBe('valid');
  watch.noteRefused('main', 'token');
  watch.noteRefused('main', 'token');
  expect([state(), logged('kite refused')]).toEqual(['refused', 1]);
});

test('an answer about an old token says nothing of the new one', async () => {
  answer = undefined;
  watch.setAccounts([booked('token')]);
  watch.setAccounts([booked('new')]);
  expect(asked).toBe(2);
  answer = 'unauthorized';
  waiting[0]?.();
  await settle();
  expect(state()).toBe('unverified');
  answer = 'ok';
  waiting[1]?.();
  await settle();
  expect(state()).toBe('valid');
});

test('no answer is no verdict: it is asked again, ever more slowly', async () => {
  answer = 'unavailable';
  watch.setAccounts([booked('token')]);
  await settle();
  expect(clock.delaysMs).toEqual([TOKEN_PROBE_BACKOFF_MS_MIN]);
  clock.advance(TOKEN_PROBE_BACKOFF_MS_MIN);
  await settle();
  expect([asked, state()]).toEqual([2, 'unverified']);
  answer = 'ok';
  clock.advance(2 * TOKEN_PROBE_BACKOFF_MS_MAX);
  await settle();
  expect([asked, state(), clock.delaysMs]).toEqual([3, 'valid', []]);
});

test('when the account goes, or the sidecar ends, nothing is asked any more', async () => {
  answer = 'unavailable';
  watch.setAccounts([booked('token')]);
  await settle();
  watch.setAccounts([]);
  expect([clock.delaysMs, watch.statusOf('main')]).toEqual([[], undefined]);
  watch.setAccounts([booked('token')]);
  await settle();
  watch.stop();
  expect(clock.delaysMs).toEqual([]);
});

test('a disabled account is not asked about, and is when it is enabled', async () => {
  watch.setAccounts([booked('token', { isEnabled: false })]);
  await settle();
  expect([asked, state()]).toEqual([0, 'unverified']);
  watch.setAccounts([booked('token')]);
  await settle();
  expect([asked, state()]).toEqual([1, 'valid']);
});

test('an account that is disabled while it is asked about is not taken for refused', async () => {
  answer = 'unavailable';
  watch.setAccounts([booked('token')]);
  await settle();
  watch.setAccounts([booked('token', { isEnabled: false })]);
  answer = 'unsent';
  clock.advance(TOKEN_PROBE_BACKOFF_MS_MAX);
  await settle();
  expect([asked, state(), clock.delaysMs]).toEqual([2, 'unverified', []]);
  answer = 'ok';
  watch.setAccounts([booked('token')]);
  await settle();
  expect(state()).toBe('valid');
});

test('without a token a login is asked for once, and again when it is gone anew', async () => {
  watch.setAccounts([booked(undefined)]);
  watch.setAccounts([booked(undefined)]);
  expect([asked, state(), logged('a login is needed')]).toEqual([0, 'missing', 1]);
  watch.setAccounts([{ ...booked(undefined), isTokenUnreadable: true }]);
  expect(watch.statusOf('main')).toEqual({ state: 'unreadable' });
  watch.setAccounts([booked('token')]);
  watch.setAccounts([booked(undefined)]);
  expect(logged('a login is needed')).toBe(2);
});

describe('the clock', () => {
  const warning = () => watch.statusOf('main')?.warning;

  test('warns in the hour before six, and after it, once each', async () => {
    watch.setAccounts([booked('token')]);
    await settle();
    const seen: unknown[] = [];
    for (let minute = 0; minute < 240; minute++) {
      sockets('ok');
      if (seen.at(-1) !== warning()) seen.push(warning());
      clock.advance(60_000);
    }
    expect(seen).toEqual(['expires_soon', 'overdue']);
    expect([logged('ends at 06:00 IST'), logged('is past 06:00 IST')]).toEqual([1, 1]);
    // It has stayed what Kite says that it is, and nobody was asked.
    expect([state(), asked]).toEqual(['valid', 1]);
  });

  test('that jumps neither ends nor revives a token, and does not flood the log', async () => {
    watch.setAccounts([booked('token')]);
    await settle();
    for (let i = 0; i < 50; i++) {
      clock.jumpWall(i % 2 === 0 ? 86_400_000 : -86_400_000);
      sockets('ok');
      expect(warning()).toBe(i % 2 === 0 ? 'overdue' : undefined);
    }
    expect([state(), asked, logged('06:00 IST')]).toEqual(['valid', 1, 1]);
    answer = 'unauthorized';
    sockets('unauthorized');
    await settle();
    clock.jumpWall(-10 * 86_400_000);
    sockets('unauthorized');
    expect([state(), warning()]).toEqual(['refused', undefined]);
  });

  test('says nothing of a token whose end is not known, or of a disabled account', async () => {
    const { tokenExpiresAtMs: _, ...endless } = booked('token');
    watch.setAccounts([endless]);
    await settle();
    clock.advance(30 * 86_400_000);
    sockets('ok');
    watch.setAccounts([booked('token', { isEnabled: false })]);
    sockets('disabled');
    expect(logged('06:00 IST')).toBe(0);
  });
});

test('whose token it is, is known as long as Kite takes it and the account is in use', async () => {
  answer = undefined;
  watch.setAccounts([booked('token')]);
  expect([watch.userIdOf('main'), watch.userIdOf('nobody')]).toEqual([undefined, undefined]);
  answer = 'ok';
  for (const resolve of waiting) resolve();
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect(watch.userIdOf('main')).toBe('AB1234');
  watch.setAccounts([booked('token', { isEnabled: false })]);
  expect(watch.userIdOf('main')).toBeUndefined();
  watch.setAccounts([booked('token')]);
  expect(watch.userIdOf('main')).toBe('AB1234');
  watch.noteRefused('main', 'token');
  expect(watch.userIdOf('main')).toBeUndefined();
});
