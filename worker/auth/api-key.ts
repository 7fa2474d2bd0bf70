// Which server a request is from, by its API key.
import { API_KEY_PATTERN, type ApiKeyScope } from '../../shared/api-key.ts';
import { AppError } from '../../shared/errors.ts';
import type { Env } from '../env.ts';
import { type ApiKey, findApiKey } from '../store/api-keys.ts';
import { withDatabase } from '../store/db.ts';

export const API_KEY_HEADER = 'x-api-key';

/** What is stored of a key: its HMAC-SHA-256 under the pepper. A slow hash protects guessable secrets, and this is none. */
export async function apiKeyHmac(key: string, pepper: string): Promise<Uint8Array> {
  const encoder = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const pepperKey = await crypto.subtle.importKey('raw', encoder.encode(pepper), algorithm, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', pepperKey, encoder.encode(key)));
}

/**
 * The key of the request, which has to have the scope. Throws `missing_api_key`, `invalid_api_key` (no such key, expired
 * or revoked: which of them is nobody's business), `forbidden` or `database_unavailable`.
 *
 * The key is found by its HMAC. That comparison is not in constant time and need not be: how long it takes tells of the
 * first bytes of a value which nobody can steer without the pepper.
 */
export async function requireApiKey(
  request: Request,
  scope: ApiKeyScope,
  env: Env,
  background: Pick<ExecutionContext, 'waitUntil'>,
): Promise<ApiKey> {
  const text = request.headers.get(API_KEY_HEADER);
  if (text === null) throw new AppError('missing_api_key', `header ${API_KEY_HEADER} is required`);
  // Malformed ones do not cost a query.
  const hmac = API_KEY_PATTERN.test(text) ? await apiKeyHmac(text, env.API_KEY_PEPPER) : undefined;
  const key = hmac && (await withDatabase(env, background, (sql) => findApiKey(sql, hmac)));
  if (!key) throw new AppError('invalid_api_key', `${API_KEY_HEADER} is not a valid key`);
  if (!key.scopes.includes(scope)) {
    throw new AppError('forbidden', `key ${JSON.stringify(key.name)} does not have the scope ${scope}`);
  }
  return key;
}
