// Guards of REST routes.
import type { Context } from 'hono';
import { AppError } from '../../shared/errors.ts';
import type { Principal } from '../core/protocol.ts';
import type { Env } from '../env.ts';
import { authenticate } from './authentication.ts';
import { tokenOf } from './token-transport.ts';

/** The bearer of the request's token; throws the code and text of what is wrong with it. */
export async function requirePrincipal(c: Context<{ Bindings: Env }>): Promise<Principal> {
  const verdict = await authenticate(tokenOf(c.req.raw), c.env, c.executionCtx);
  if (!verdict.ok) throw new AppError(verdict.code, verdict.message);
  return verdict.principal;
}
