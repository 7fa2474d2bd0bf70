import { describe, expect, test } from 'vitest';
import { VERIFIED_TOKEN_MS_MAX, VERIFIED_TOKENS_MAX } from '../../../shared/limits.ts';
import { VerifiedTokens } from '../../../worker/core/verified-tokens.ts';

const NOW_MS = 1_764_000_000_000;

function bearerOf(userId: string, expiresInMs = 3_600_000) {
  const times = { expiresAtS: (NOW_MS + expiresInMs) / 1000, issuedAtS: NOW_MS / 1000 };
  return { userId, roles: [], permissions: [], ...times };
}

describe('a token that was found good', () => {
  test('is known for its text only', () => {
    const tokens = new VerifiedTokens();
    tokens.add('a.b.c', bearerOf('u'), NOW_MS);
    expect(tokens.get('a.b.c', NOW_MS)?.userId).toBe('u');
    expect(tokens.get('a.b.d', NOW_MS)).toBeUndefined();
  });

  test('has its signature checked again after a while, with the keys of then', () => {
    const tokens = new VerifiedTokens();
    tokens.add('t', bearerOf('u'), NOW_MS);
    expect(tokens.get('t', NOW_MS + VERIFIED_TOKEN_MS_MAX - 1)).toBeDefined();
    expect(tokens.get('t', NOW_MS + VERIFIED_TOKEN_MS_MAX)).toBeUndefined();
    expect(tokens.size).toBe(0);
  });

  test('does not outlive its end', () => {
    const tokens = new VerifiedTokens();
    tokens.add('t', bearerOf('u', 10_000), NOW_MS);
    expect(tokens.get('t', NOW_MS + 9_999)).toBeDefined();
    expect(tokens.get('t', NOW_MS + 10_000)).toBeUndefined();
  });

  test('is not kept by a clock that was set back', () => {
    const tokens = new VerifiedTokens();
    tokens.add('t', bearerOf('u'), NOW_MS);
    expect(tokens.get('t', NOW_MS - 1)).toBeUndefined();
  });

  test('makes room for later ones at the bound', () => {
    const tokens = new VerifiedTokens();
    for (let i = 0; i <= VERIFIED_TOKENS_MAX; i++) tokens.add(`t${i}`, bearerOf('u'), NOW_MS);
    expect(tokens.size).toBe(VERIFIED_TOKENS_MAX);
    expect(tokens.get('t0', NOW_MS)).toBeUndefined();
    expect(tokens.get('t1', NOW_MS)).toBeDefined();
    // Found good again, it is the last to go.
    tokens.add('t1', bearerOf('u'), NOW_MS);
    tokens.add('new', bearerOf('u'), NOW_MS);
    expect(tokens.get('t1', NOW_MS)).toBeDefined();
    expect(tokens.get('t2', NOW_MS)).toBeUndefined();
  });
});
