// The table of API keys.
import type postgres from 'postgres';

export interface ApiKey {
  readonly name: string;
  readonly scopes: readonly string[];
  /** Seconds since the epoch; null for a key that does not end by itself. */
  readonly expiresAtS: number | null;
}

/** The key with this HMAC; undefined when there is none, or when it is expired or revoked. */
export async function findApiKey(sql: postgres.Sql, keyHmac: Uint8Array): Promise<ApiKey | undefined> {
  // As JSON: without a look-up of types at each connect the driver does not know arrays.
  const [key] = await sql<ApiKey[]>`
    select name, to_json(scopes) as scopes, extract(epoch from expires_at)::float8 as "expiresAtS"
    from api_keys
    where key_hmac = ${keyHmac} and revoked_at is null and (expires_at is null or expires_at > now())`;
  return key;
}
