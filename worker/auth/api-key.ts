// Which server a request is from, by its API key.
import { API_KEY_PATTERN, API_KEY_SCOPES, type ApiKeyScope } from '../../shared/api-key.ts';
import { AppError } from '../../shared/errors.ts';
import { API_KEY_SESSION_MS_MAX, USER_ID_CHARS_MAX } from '../../shared/limits.ts';
import type { Bearer } from '../core/upgrade.ts';
import type { Env } from '../env.ts';
import { type ApiKey, findApiKey } from '../store/api-keys.ts';
import type { AskDatabase } from '../store/db.ts';

export const API_KEY_HEADER = 'x-api-key';

/** What is stored of a key: its HMAC-SHA-256 under the pepper. A slow hash protects guessable secrets, and this is none. */
export async function apiKeyHmac(key: string, pepper: string): Promise<Uint8Array> {
  const encoder = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const pepperKey = await crypto.subtle.importKey('raw', encoder.encode(pepper), algorithm, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', pepperKey, encoder.encode(key)));
}

/** A key as whoever shows it names where it comes from. */
export interface ShownKey {
  readonly text: string;
  /** The header or parameter that it came in. */
  readonly field: string;
}

/**
 * The key that somebody shows, which has to have the scope. Throws `invalid_api_key` (no such key, expired or revoked:
 * which of them is nobody's business), `forbidden` or `database_unavailable`.
 *
 * The key is found by its HMAC. That comparison is not in constant time and need not be: how long it takes tells of the
 * first bytes of a value which nobody can steer without the pepper.
 */
export async function checkApiKey(
  { text, field }: ShownKey,
  scope: ApiKeyScope,
  env: Env,
  ask: AskDatabase,
): Promise<ApiKey> {
  // Malformed ones do not cost a query.
  const hmac = API_KEY_PATTERN.test(text) ? await apiKeyHmac(text, env.API_KEY_PEPPER) : undefined;
  const key = hmac && (await ask((sql) => findApiKey(sql, hmac)));
  if (!key) throw new AppError('invalid_api_key', `${field} is not a valid key`);
  if (!key.scopes.includes(scope)) {
    throw new AppError('forbidden', `key ${JSON.stringify(key.name)} does not have the scope ${scope}`);
  }
  return key;
}

/** The key in the request's header, as `checkApiKey`; throws `missing_api_key` when there is none. */
export async function requireApiKey(
  request: Request,
  scope: ApiKeyScope,
  env: Env,
  ask: AskDatabase,
): Promise<ApiKey> {
  const text = request.headers.get(API_KEY_HEADER);
  if (text === null) throw new AppError('missing_api_key', `header ${API_KEY_HEADER} is required`);
  return checkApiKey({ text, field: API_KEY_HEADER }, scope, env, ask);
}

/**
 * The key as the bearer of a socket: `key:<name>`, its scopes as permissions. It ends with the key, and after
 * API_KEY_SESSION_MS_MAX at the latest; `POST /auth/revoke` for that name ends it at once.
 */
export function bearerOfApiKey({ name, scopes, expiresAtS }: ApiKey, nowMs: number): Bearer {
  const endsAtS = Math.floor((nowMs + API_KEY_SESSION_MS_MAX) / 1000);
  return {
    // Bounded, as all of it has to fit the socket's attachment.
    userId: `key:${name}`.slice(0, USER_ID_CHARS_MAX),
    roles: [],
    permissions: API_KEY_SCOPES.filter((scope) => scopes.includes(scope)),
    expiresAtS: Math.min(endsAtS, expiresAtS ?? Number.POSITIVE_INFINITY),
    issuedAtS: Math.floor(nowMs / 1000),
  };
}
