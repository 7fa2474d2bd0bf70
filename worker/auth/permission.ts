// Guard of routes that servers use with an API key and people with a token: both name the same permissions.
import type { Context, MiddlewareHandler } from 'hono';
import type { ApiKeyScope } from '../../shared/api-key.ts';
import { AppError } from '../../shared/errors.ts';
import type { Env } from '../env.ts';
import { type AskDatabase, databaseOf } from '../store/db.ts';
import { API_KEY_HEADER, requireApiKey } from './api-key.ts';
import { requirePrincipal } from './middleware.ts';

/**
 * Who asks, as records of changes name them: `key:<name>` or `user:<id>`. Throws the code and text of what is wrong with
 * the key or token, or `forbidden` when it does not have the permission. A request that brings both is its key's.
 */
export async function requirePermission(
  c: Context<{ Bindings: Env }>,
  permission: ApiKeyScope,
  ask: AskDatabase = databaseOf(c.env, c.executionCtx),
): Promise<string> {
  if (c.req.raw.headers.has(API_KEY_HEADER)) {
    const { name } = await requireApiKey(c.req.raw, permission, c.env, ask);
    return `key:${name}`;
  }
  const { userId, permissions } = await requirePrincipal(c);
  if (!permissions.includes(permission))
    throw new AppError('forbidden', `token does not have the permission ${permission}`);
  return `user:${userId}`;
}

/** Whoever may read: a server by an API key that has the scope, or any user by a token. A key that is sent has to be good. */
export function readersOnly(scope: ApiKeyScope): MiddlewareHandler<{ Bindings: Env }> {
  return async (c, next) => {
    if (c.req.header(API_KEY_HEADER) === undefined) await requirePrincipal(c);
    else await requireApiKey(c.req.raw, scope, c.env, databaseOf(c.env, c.executionCtx));
    await next();
  };
}

/** Figures name users: they are open in development only, elsewhere to whoever has the permission to read them. */
export const operatorsOnly: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  if (c.env.ENVIRONMENT !== 'development') await requirePermission(c, 'stats:read');
  await next();
};
