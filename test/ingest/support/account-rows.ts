// Rows of accounts for tests, sealed like real ones.
import type postgres from 'postgres';
import { openVault } from '../../../ingest/kite/accounts.ts';

export const KEYS = `test:${'ab'.repeat(32)}`;
export const vault = openVault(KEYS);

export interface AccountRow {
  readonly id: string;
  readonly apiKey: string;
  readonly apiSecret?: string;
  readonly accessToken?: string;
  readonly userId?: string;
  readonly enabled?: boolean;
  readonly issuedAtMs?: number;
}

/** Adds or replaces the row of that id. */
export async function putAccount(sql: postgres.Sql, row: AccountRow, sealing = vault): Promise<void> {
  const { id, apiKey, apiSecret, accessToken, userId, enabled = true, issuedAtMs = 1_764_000_000_000 } = row;
  const seal = (text: string | undefined, column: 'api_secret' | 'access_token') =>
    text === undefined ? null : sealing.seal(text, { accountId: id, column });
  const secret = await seal(apiSecret, 'api_secret');
  const token = await seal(accessToken, 'access_token');
  const issuedAt = token === null ? null : new Date(issuedAtMs);
  await sql`delete from accounts where id = ${id}`;
  await sql`
    insert into accounts (id, api_key, user_id, api_secret, access_token, token_issued_at, token_expires_at, enabled)
    values (${id}, ${apiKey}, ${userId ?? null}, ${secret}, ${token}, ${issuedAt}, ${issuedAt}, ${enabled})`;
}
