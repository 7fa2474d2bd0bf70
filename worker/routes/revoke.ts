// POST /auth/revoke: a server of the team voids all tokens of a user, and what is open with them is closed.
import { Hono } from 'hono';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import {
  REVOCATION_CACHE_MS,
  REVOCATION_WAIT_MS_MAX,
  REVOKE_BODY_BYTES_MAX,
  USER_ID_CHARS_MAX,
} from '../../shared/limits.ts';
import { requireApiKey } from '../auth/api-key.ts';
import { noteRevocation } from '../auth/authentication.ts';
import { readBody } from '../auth/ingest-signature.ts';
import type { Revocation } from '../core/revocations.ts';
import type { Env } from '../env.ts';
import { databaseOf, withDatabase } from '../store/db.ts';
import { revokeUser } from '../store/token-revocations.ts';
import { revokeAtGateways } from './fleet.ts';

export const revoke = new Hono<{ Bindings: Env }>();

// PostgreSQL's text has no NUL, and half a surrogate pair is no text either: no token's `sub` could match it.
const isText = (id: string) => !id.includes('\0') && !/\p{Surrogate}/u.test(id);
const Body = z.strictObject({ user_id: z.string().min(1).max(USER_ID_CHARS_MAX).refine(isText) });

async function readUserId(request: Request): Promise<string> {
  const bytes = await readBody(request, REVOKE_BODY_BYTES_MAX, 'message_too_big');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (cause) {
    throw new AppError('invalid_json', 'body is not JSON in UTF-8', { cause });
  }
  const body = Body.safeParse(value);
  if (body.success) return body.data.user_id;
  const got = JSON.stringify(value).slice(0, USER_ID_CHARS_MAX);
  throw new AppError(
    'invalid_parameter',
    `body must be {"user_id": "1 to ${USER_ID_CHARS_MAX} characters"}, got ${got}`,
  );
}

/** What other Workers have let in meanwhile, going by what they had read before the revocation. */
async function sweep(env: Env, revocation: Revocation): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, REVOCATION_CACHE_MS + REVOCATION_WAIT_MS_MAX));
  const { failed } = await revokeAtGateways(env, revocation);
  if (failed > 0)
    console.error(`revocation: ${failed} gateways did not answer, their sockets live on until expiry`);
}

/**
 * Recorded first, then told to the gateways: after a 202 no Worker lets the user's old tokens in, those with a fresh
 * reading at most REVOCATION_CACHE_MS later, and the sweep closes what comes in until then.
 */
revoke.post('/auth/revoke', async (c) => {
  await requireApiKey(c.req.raw, 'tokens:revoke', c.env, databaseOf(c.env, c.executionCtx));
  const userId = await readUserId(c.req.raw);
  const notBeforeS = await withDatabase(c.env, c.executionCtx, (sql) => revokeUser(sql, userId));
  const revocation = { userId, notBeforeS };
  noteRevocation(revocation);
  const told = await revokeAtGateways(c.env, revocation);
  c.executionCtx.waitUntil(sweep(c.env, revocation));
  return c.json(
    {
      user_id: userId,
      not_before: new Date(notBeforeS * 1000).toISOString(),
      gateways_told: told.values.length,
      gateways_not_answering: told.failed,
      connections_closed: told.values.reduce((sum, closed) => sum + closed, 0),
    },
    202,
  );
});
