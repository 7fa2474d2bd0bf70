// Guard of routes that servers use with an API key and people with a token: both name the same permissions.
import type { Context } from 'hono';
import type { ApiKeyScope } from '../../shared/api-key.ts';
import { AppError } from '../../shared/errors.ts';
import type { Env } from '../env.ts';
import { API_KEY_HEADER, requireApiKey } from './api-key.ts';
import { requirePrincipal } from './middleware.ts';

/**
 * Who asks, as records of changes name them: `key:<name>` or `user:<id>`. Throws the code and text of what is wrong with
 * the key or token, or `forbidden` when it does not have the permission. A request that brings both is its key's.
 */
export async function requirePermission(
  c: Context<{ Bindings: Env }>,
  permission: ApiKeyScope,
): Promise<string> {
  if (c.req.raw.headers.has(API_KEY_HEADER)) {
    const { name } = await requireApiKey(c.req.raw, permission, c.env, c.executionCtx);
    return `key:${name}`;
  }
  const { userId, permissions } = await requirePrincipal(c);
  if (!permissions.includes(permission))
    throw new AppError('forbidden', `token does not have the permission ${permission}`);
  return `user:${userId}`;
}
