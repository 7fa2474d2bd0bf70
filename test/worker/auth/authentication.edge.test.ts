// The check of tokens while the database hangs: who waits, for how long, and what is known when it goes on.
import { createExecutionContext } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';
import { REVOCATION_CACHE_MS, REVOCATION_WAIT_MS_MAX } from '../../../shared/limits.ts';
import type { Env } from '../../../worker/env.ts';
import { withDatabase } from '../../../worker/store/db.ts';
import { revokeUser } from '../../../worker/store/token-revocations.ts';
import { TestClient } from '../../support/edge/client.ts';
import { mintToken } from '../../support/edge/tokens.ts';

const testEnv = env as unknown as Env;
const realNow = Date.now.bind(Date);

afterEach(() => void vi.restoreAllMocks());

/** Lets what was last read of the revocations become old. */
function passCacheTime(times: number): void {
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + times * REVOCATION_CACHE_MS);
}

async function statusOf(token: string): Promise<number> {
  const authorization = `Bearer ${token}`;
  const response = await exports.default.fetch('http://edge/auth/test', { headers: { authorization } });
  await response.body?.cancel();
  return response.status;
}

/** Has every reading of the revocations hang until the function that it returns is called. */
async function hangReadings(): Promise<() => Promise<void>> {
  let release: () => void = () => undefined;
  let onLocked: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const locked = new Promise<void>((resolve) => {
    onLocked = resolve;
  });
  const holding = withDatabase(testEnv, createExecutionContext(), (sql) =>
    sql.begin(async (transaction) => {
      await transaction`lock table token_revocations in access exclusive mode`;
      onLocked();
      await released;
    }),
  );
  await locked;
  return async () => {
    release();
    await holding;
  };
}

test('a reading that hangs is waited for once, by Workers and gateways alike, and is made up for', async () => {
  const claims = { sub: 'leaver', iat: Math.floor(realNow() / 1000) - 60 };
  const [leaver, stayer] = [await mintToken({ claims }), await mintToken()];
  expect(await statusOf(leaver)).toBe(200);
  const client = await TestClient.connect(stayer);
  await withDatabase(testEnv, createExecutionContext(), (sql) => revokeUser(sql, 'leaver'));
  const goOn = await hangReadings();
  passCacheTime(1);
  const beganAtMs = realNow();
  client.send({ action: 'authenticate', token: stayer });
  const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(stayer)));
  await client.next('authenticated');
  expect(new Set(statuses)).toEqual(new Set([200]));
  // They have waited for it, and gone on without it.
  expect(realNow() - beganAtMs).toBeGreaterThanOrEqual(REVOCATION_WAIT_MS_MAX - 1);
  await goOn();
  passCacheTime(2);
  expect(await statusOf(leaver)).toBe(401);
  expect(await statusOf(stayer)).toBe(200);
  client.socket.close(1000);
});
