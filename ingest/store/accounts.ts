// Kite accounts in PostgreSQL, as the sidecar and its commands see them. Credentials come and go sealed.
import type postgres from 'postgres';
import { ACCOUNTS_READ_MS_MAX, KITE_ACCOUNTS_MAX } from '../../shared/limits.ts';
import type { Clock } from '../clock.ts';
import { DatabaseSession, openDatabase } from './db.ts';

/** Times are milliseconds since the epoch. Envelopes are for shared/credential-vault.ts. */
export interface StoredAccount {
  readonly id: string;
  readonly apiKey: string;
  readonly accessTokenEnvelope: string | null;
  readonly tokenIssuedAtMs: number | null;
  readonly tokenExpiresAtMs: number | null;
  readonly isEnabled: boolean;
  readonly connectionsMax: number;
  readonly instrumentsMax: number;
}

/** All accounts by id, without what only a login needs. */
async function readAccounts(sql: postgres.Sql): Promise<StoredAccount[]> {
  return sql<StoredAccount[]>`
    select id, api_key as "apiKey", access_token as "accessTokenEnvelope",
      extract(epoch from token_issued_at)::float8 * 1000 as "tokenIssuedAtMs",
      extract(epoch from token_expires_at)::float8 * 1000 as "tokenExpiresAtMs",
      enabled as "isEnabled", connections_max as "connectionsMax", instruments_max as "instrumentsMax"
    from accounts
    order by id
    limit ${KITE_ACCOUNTS_MAX}`;
}

/** An account that has a secret. */
export interface StoredSecret {
  readonly accountId: string;
  readonly envelope: string;
}

async function readSecrets(sql: postgres.Sql): Promise<StoredSecret[]> {
  return sql<StoredSecret[]>`
    select id as "accountId", api_secret as envelope from accounts
    where api_secret is not null and enabled
    order by id
    limit ${KITE_ACCOUNTS_MAX}`;
}

/** Reads the accounts for a sidecar that lives through whatever its database does. */
export class AccountReader {
  readonly #session: DatabaseSession;
  /** Asks one question at a time, too, and is in nobody's way. */
  readonly #secrets: DatabaseSession;

  constructor(url: string, clock: Clock) {
    this.#session = new DatabaseSession(url, clock, ACCOUNTS_READ_MS_MAX);
    this.#secrets = new DatabaseSession(url, clock, ACCOUNTS_READ_MS_MAX);
  }

  /** Rejects when there is no answer within ACCOUNTS_READ_MS_MAX. Never called again before it has settled. */
  read(): Promise<StoredAccount[]> {
    return this.#session.ask(readAccounts);
  }

  /** The sealed secrets of enabled accounts. Rejects, and is called, as `read`; the two may be under way at once. */
  readSecrets(): Promise<StoredSecret[]> {
    return this.#secrets.ask(readSecrets);
  }

  stop(): void {
    this.#session.close();
    this.#secrets.close();
  }
}

export interface LoginAccount {
  readonly id: string;
  readonly apiKey: string;
  readonly userId: string | null;
  readonly apiSecretEnvelope: string | null;
  readonly tokenIssuedAtMs: number | null;
  readonly isEnabled: boolean;
}

export interface NewAccount {
  readonly id: string;
  readonly apiKey: string;
  readonly apiSecretEnvelope: string;
}

export interface NewToken {
  readonly accountId: string;
  readonly apiKey: string;
  readonly userId: string;
  readonly accessTokenEnvelope: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** An envelope and where it is. */
export interface StoredEnvelope {
  readonly accountId: string;
  readonly column: 'api_secret' | 'access_token';
  readonly envelope: string;
}

/** The accounts as the commands change them, each change with a record of who made it. */
export class AccountStore {
  readonly #sql: postgres.Sql;
  readonly #changedBy: string;

  /** `changedBy` as `host:<who>@<where>`. */
  constructor(url: string, changedBy: string) {
    this.#sql = openDatabase(url);
    this.#changedBy = changedBy;
  }

  close(): Promise<void> {
    return this.#sql.end({ timeout: 1 });
  }

  /** All accounts by id, with what a login needs. */
  async readForLogin(): Promise<LoginAccount[]> {
    return this.#sql<LoginAccount[]>`
      select id, api_key as "apiKey", user_id as "userId", api_secret as "apiSecretEnvelope",
        extract(epoch from token_issued_at)::float8 * 1000 as "tokenIssuedAtMs", enabled as "isEnabled"
      from accounts
      order by id
      limit ${KITE_ACCOUNTS_MAX}`;
  }

  /** Adds an account that has the default capacity. Throws when its id or api_key is there already. */
  async add({ id, apiKey, apiSecretEnvelope }: NewAccount): Promise<void> {
    await this.#sql`
      with added as (
        insert into accounts (id, api_key, api_secret)
        values (${id}, ${apiKey}, ${apiSecretEnvelope})
        returning id)
      insert into account_changes (account_id, changed_by, action, detail)
      select id, ${this.#changedBy}, 'added', '{"api_key": "set", "api_secret": "set"}' from added`;
  }

  /** Stores the token of a login. False when the account is gone, or has become another app's or user's meanwhile. */
  async storeToken(token: NewToken): Promise<boolean> {
    const { accountId, apiKey, userId, accessTokenEnvelope, issuedAtMs, expiresAtMs } = token;
    const rows = await this.#sql`
      with changed as (
        update accounts
        set access_token = ${accessTokenEnvelope}, user_id = ${userId},
          token_issued_at = to_timestamp(${issuedAtMs / 1000}), token_expires_at = to_timestamp(${expiresAtMs / 1000}),
          updated_at = now()
        where id = ${accountId} and api_key = ${apiKey} and (user_id is null or user_id = ${userId})
        returning id)
      insert into account_changes (account_id, changed_by, action, detail)
      select id, ${this.#changedBy}, 'logged_in', jsonb_build_object('user_id', ${userId}::text) from changed
      returning id`;
    return rows.length > 0;
  }

  /** Every envelope that was not sealed with the key of that id. */
  async readEnvelopesOfOtherKeys(keyId: string): Promise<StoredEnvelope[]> {
    return this.#sql<StoredEnvelope[]>`
      select id as "accountId", field as column, envelope
      from accounts
      cross join lateral (values ('api_secret', api_secret), ('access_token', access_token)) as fields (field, envelope)
      where envelope is not null and split_part(envelope, '.', 2) <> ${keyId}
      order by id, field`;
  }

  /** Puts a new envelope in the old one's place. False when another one has come there meanwhile. */
  async replaceEnvelope(
    { accountId, column, envelope }: StoredEnvelope,
    replacement: string,
  ): Promise<boolean> {
    const sql = this.#sql;
    const rows = await sql`
      with changed as (
        update accounts set ${sql(column)} = ${replacement}, updated_at = now()
        where id = ${accountId} and ${sql(column)} = ${envelope}
        returning id)
      insert into account_changes (account_id, changed_by, action, detail)
      select id, ${this.#changedBy}, 'rotated', jsonb_build_object('field', ${column}::text,
        'key', split_part(${replacement}, '.', 2))
      from changed
      returning id`;
    return rows.length > 0;
  }
}
