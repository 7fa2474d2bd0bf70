// `/ws/kite`: the door of clients that speak Kite's ticker protocol. They are refused as Kite refuses, by HTTP status.
import { API_KEY_PREFIX } from '../../shared/api-key.ts';
import { AppError, ERRORS, type ErrorCode } from '../../shared/errors.ts';
import { bearerOfApiKey, checkApiKey } from '../auth/api-key.ts';
import { authenticate, type Background } from '../auth/authentication.ts';
import { queryOf } from '../auth/token-transport.ts';
import type { Bearer } from '../core/upgrade.ts';
import type { Env } from '../env.ts';
import { databaseOf } from '../store/db.ts';
import { checkUpgrade, type Refusal, upgrade } from './stream.ts';

/** Kite has one answer to every wrong credential, and its clients know that they need another one by it. */
const FORBIDDEN = 403;

function statusOf(code: ErrorCode): number {
  const { httpStatus } = ERRORS[code];
  return httpStatus === 401 ? FORBIDDEN : httpStatus;
}

function refuse({ code, message }: Refusal): Response {
  return Response.json({ status: 'error', code, message }, { status: statusOf(code) });
}

/** Whose `access_token` it is: a user's token, or an API key that may read market data. */
async function bearerOf(
  token: string | null,
  env: Env,
  ctx: Background,
): Promise<{ readonly ok: true; readonly principal: Bearer } | ({ readonly ok: false } & Refusal)> {
  if (!token?.startsWith(API_KEY_PREFIX)) return authenticate(token ?? undefined, env, ctx);
  try {
    const key = await checkApiKey(
      { text: token, field: 'access_token' },
      'market:read',
      env,
      databaseOf(env, ctx),
    );
    return { ok: true, principal: bearerOfApiKey(key, Date.now()) };
  } catch (error) {
    if (error instanceof AppError) return { ok: false, code: error.code, message: error.message };
    throw error;
  }
}

/**
 * Takes the credentials of the query, as Kite does: `access_token` decides, `api_key` is sent by every client and says
 * nothing here. Throws as `checkUpgrade` does.
 */
export async function streamKite(request: Request, env: Env, ctx: Background): Promise<Response> {
  checkUpgrade(request, env);
  const verdict = await bearerOf(queryOf(request).get('access_token'), env, ctx);
  if (!verdict.ok) return refuse(verdict);
  const address = request.headers.get('cf-connecting-ip');
  const from = address === null ? {} : { address };
  return upgrade(request, env, { dialect: 'kite', bearer: verdict.principal, ...from }, refuse);
}
