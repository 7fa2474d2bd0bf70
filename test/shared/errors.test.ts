// The error table: complete, within the protocols' ranges, and quiet about causes.
import { describe, expect, test } from 'vitest';
import {
  AppError,
  assert,
  assertNever,
  ERRORS,
  type ErrorCode,
  type RetryVerdict,
  verdictOfCloseCode,
} from '../../shared/errors.ts';

describe('every code', () => {
  for (const [code, { httpStatus, closeCode }] of Object.entries(ERRORS)) {
    test(code, () => {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(httpStatus >= 400 && httpStatus < 600).toBe(true);
      // 1004-1006 and 1015 may not be sent (RFC 6455, 7.4); 4000 and up are ours.
      const isSendable =
        closeCode === null ||
        [1008, 1011, 1013].includes(closeCode) ||
        (closeCode >= 4000 && closeCode <= 4999);
      expect(isSendable).toBe(true);
      const error = new AppError(code as ErrorCode, 'text');
      expect([error.code, error.httpStatus, error.message, error.name]).toEqual([
        code,
        httpStatus,
        'text',
        'AppError',
      ]);
    });
  }
});

test('close codes of the seed protocol', () => {
  for (const code of ['missing_token', 'token_expired', 'authentication_failed'] as const) {
    expect(ERRORS[code]).toEqual({ httpStatus: 401, closeCode: 1008 });
  }
  expect(ERRORS.slow_client.closeCode).toBe(4008);
});

/** Every close code that the table has, and what a client is to do about it: a new one has to be added here. */
const VERDICTS: Readonly<Record<number, RetryVerdict>> = {
  1008: 'stop',
  1011: 'backoff',
  1013: 'backoff',
  4001: 'stop',
  4002: 'stop',
  4003: 'stop',
  4008: 'backoff',
  4009: 'stop',
  4013: 'backoff',
  4029: 'backoff',
  4100: 'backoff',
};

test('every close code of the table has its verdict', () => {
  const closeCodes = Object.values(ERRORS).flatMap(({ closeCode }) => closeCode ?? []);
  const verdicts = Object.fromEntries(closeCodes.map((code) => [code, verdictOfCloseCode(code)]));
  expect(verdicts).toEqual(VERDICTS);
});

test.each<[number, RetryVerdict]>([
  [1000, 'backoff'],
  [1001, 'backoff'],
  [1006, 'backoff'],
  [1012, 'now'],
  [3999, 'backoff'],
  [4000, 'stop'],
  [4099, 'stop'],
  [4100, 'backoff'],
  [4199, 'backoff'],
  [4200, 'now'],
  [4299, 'now'],
  [4300, 'backoff'],
  [4999, 'backoff'],
])('close code %i, which the table may not have: %s', (closeCode, verdict) => {
  expect(verdictOfCloseCode(closeCode)).toBe(verdict);
});

test('an error keeps its cause for the log and out of its text', () => {
  const cause = new Error('secret inside');
  const error = new AppError('ingest_frame', 'definitions are not UTF-8 JSON', { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error.cause).toBe(cause);
  expect(String(error)).toBe('AppError: definitions are not UTF-8 JSON');
});

test('a broken invariant of ours is not an AppError: it must not be shown to a caller', () => {
  expect(() => assert(true, 'holds')).not.toThrow();
  expect(() => assert(false, 'one and one')).toThrow('invariant broken: one and one');
  expect(() => assertNever({ kind: 'new' } as never)).toThrow('unexpected variant: {"kind":"new"}');
  try {
    assert(false, 'x');
  } catch (error) {
    expect(error).not.toBeInstanceOf(AppError);
  }
});
