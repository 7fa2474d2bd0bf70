// Guards of REST routes.
import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../../shared/errors.ts';
import type { Principal } from '../core/protocol.ts';
import type { Env } from '../env.ts';
import { API_KEY_HEADER, requireApiKey } from './api-key.ts';
import { authenticate } from './authentication.ts';
import { tokenOf } from './token-transport.ts';

/** The bearer of the request's token; throws the code and text of what is wrong with it. */
export async function requirePrincipal(c: Context<{ Bindings: Env }>): Promise<Principal> {
  const verdict = await authenticate(tokenOf(c.req.raw), c.env, c.executionCtx);
  if (!verdict.ok) throw new AppError(verdict.code, verdict.message);
  return verdict.principal;
}

/** What reading the figures takes: the name of an API key's scope and of a token's permission. */
const STATS_PERMISSION = 'stats:read';

/**
 * Figures name users: they are open in development only, elsewhere to servers whose key has the scope and to users whose
 * token has the permission. Throws `missing_token` when there is neither, and what else is wrong with them.
 */
export const operatorsOnly: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  if (c.env.ENVIRONMENT === 'development') return next();
  if (c.req.header(API_KEY_HEADER) !== undefined) {
    await requireApiKey(c.req.raw, STATS_PERMISSION, c.env, c.executionCtx);
  } else {
    const { permissions } = await requirePrincipal(c);
    if (!permissions.includes(STATS_PERMISSION)) {
      throw new AppError('forbidden', `the token does not have the permission ${STATS_PERMISSION}`);
    }
  }
  return next();
};
