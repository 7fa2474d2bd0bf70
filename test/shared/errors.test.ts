// The error table: complete, within the protocols' ranges, and quiet about causes.
import { describe, expect, test } from 'vitest';
import { AppError, assert, assertNever, ERRORS, type ErrorCode } from '../../shared/errors.ts';

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
