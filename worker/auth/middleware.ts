// Guards of REST routes.
import type { Context, MiddlewareHandler } from 'hono';
import type { ApiKeyScope } from '../../shared/api-key.ts';
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

/** Whoever may read: a server by an API key that has the scope, or any user by a token. A key that is sent has to be good. */
export function readersOnly(scope: ApiKeyScope): MiddlewareHandler<{ Bindings: Env }> {
  return async (c, next) => {
    if (c.req.header(API_KEY_HEADER) === undefined) await requirePrincipal(c);
    else await requireApiKey(c.req.raw, scope, c.env, c.executionCtx);
    await next();
  };
}

/** Figures name users: they are open in development only, elsewhere to whoever has a token. */
export const operatorsOnly: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  if (c.env.ENVIRONMENT !== 'development') await requirePrincipal(c);
  await next();
};
