// /accounts: the Kite accounts that the sidecar streams with. Credentials go in, and never come out.
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { ACCOUNT_ID_PATTERN, accessTokenExpiresAtMs, KITE_API_KEY_PATTERN } from '../../shared/account.ts';
import { CredentialVault, parseKeyRing } from '../../shared/credential-vault.ts';
import { AppError } from '../../shared/errors.ts';
import {
  ACCOUNT_BODY_BYTES_MAX,
  CREDENTIAL_CHARS_MAX,
  KITE_CONNECTIONS_PER_ACCOUNT_MAX,
  KITE_INSTRUMENTS_PER_CONNECTION_MAX,
} from '../../shared/limits.ts';
import { readBody } from '../auth/ingest-signature.ts';
import { requirePermission } from '../auth/permission.ts';
import { type AccountRecord, accountView, reportedAccounts } from '../core/account-view.ts';
import type { Env } from '../env.ts';
import {
  type AccountFields,
  deleteAccount,
  findAccount,
  insertAccount,
  listAccountChanges,
  listAccounts,
  updateAccount,
} from '../store/accounts.ts';
import { withDatabase } from '../store/db.ts';
import { reportedStatus } from './fleet.ts';
import { wakeSidecar } from './sidecar-link.ts';

export const accounts = new Hono<{ Bindings: Env }>();

type AccountsContext = Context<{ Bindings: Env }>;

/** Printable and without blanks: what Kite issues, and nothing that could break a header or a log line. */
const Credential = z
  .string()
  .max(CREDENTIAL_CHARS_MAX)
  .regex(/^[\x21-\x7e]+$/, 'must be printable characters without blanks');
const Capacity = (max: number) => z.int().min(1).max(max);

const UserId = z.string().regex(/^[A-Za-z0-9]{1,32}$/, 'must be a user id of Kite, as AB1234');

/** Absent is left as it is; `user_id` null lets the next login say whose account it is. */
const Settings = {
  user_id: UserId.nullable().exactOptional(),
  enabled: z.boolean().exactOptional(),
  connections_max: Capacity(KITE_CONNECTIONS_PER_ACCOUNT_MAX).exactOptional(),
  instruments_max: Capacity(KITE_INSTRUMENTS_PER_CONNECTION_MAX).exactOptional(),
  access_token: Credential.exactOptional(),
};

const NewAccount = z.strictObject({
  id: z.string().regex(ACCOUNT_ID_PATTERN, 'must be 1 to 32 of a-z, 0-9, _ and -, and not start with a sign'),
  api_key: z.string().regex(KITE_API_KEY_PATTERN, 'must be 1 to 64 letters and digits'),
  api_secret: Credential,
  ...Settings,
});
const AccountChange = z.strictObject({ ...Settings, api_secret: Credential.exactOptional() });

/** The body by its schema; throws `invalid_json` or `invalid_parameter` with the field, never with a value. */
async function readJson<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const bytes = await readBody(request, ACCOUNT_BODY_BYTES_MAX, 'message_too_big');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    // Without the cause: the parser's message quotes the text, and there are secrets in it.
    throw new AppError('invalid_json', 'body is not JSON in UTF-8');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new AppError('invalid_parameter', problems.join('; '));
}

const vaults = new Map<string, CredentialVault<CryptoKey>>();

function vaultOf({ CREDENTIALS_KEYS: keys }: Env): CredentialVault<CryptoKey> {
  const known = vaults.get(keys);
  if (known) return known;
  try {
    const vault = new CredentialVault(parseKeyRing(keys ?? ''), {
      subtle: crypto.subtle,
      randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    });
    vaults.set(keys, vault);
    return vault;
  } catch (cause) {
    console.error(`CREDENTIALS_KEYS: ${cause}`);
    throw new AppError('credentials_unavailable', 'the edge has no keys to seal credentials with', { cause });
  }
}

/** The columns of what was given, with credentials sealed for this account's row. */
async function sealedFields(
  accountId: string,
  given: z.infer<typeof AccountChange>,
  env: Env,
): Promise<AccountFields> {
  const { api_secret: apiSecret, access_token: accessToken, ...plain } = given;
  const seal = (text: string, column: 'api_secret' | 'access_token') =>
    vaultOf(env).seal(text, { accountId, column });
  const issuedAtMs = Date.now();
  return {
    ...plain,
    ...(apiSecret === undefined ? {} : { api_secret: await seal(apiSecret, 'api_secret') }),
    ...(accessToken === undefined
      ? {}
      : {
          access_token: await seal(accessToken, 'access_token'),
          token_issued_at_ms: issuedAtMs,
          token_expires_at_ms: accessTokenExpiresAtMs(issuedAtMs),
        }),
  };
}

/** What the record of changes says: values, and of credentials that they were set. */
function detailOf(given: object): Record<string, unknown> {
  const entries = Object.entries(given).filter(([name]) => name !== 'id');
  const isSecret = (name: string) => name === 'api_secret' || name === 'access_token' || name === 'api_key';
  return Object.fromEntries(entries.map(([name, value]) => [name, isSecret(name) ? 'set' : value]));
}

/** The id in the path; throws `not_found` when no account can have it. */
function idOf(c: AccountsContext): string {
  const id = c.req.param('id') ?? '';
  if (!ACCOUNT_ID_PATTERN.test(id)) throw notFound(id);
  return id;
}

function notFound(id: string): AppError {
  return new AppError('not_found', `no account is called ${JSON.stringify(id.slice(0, 64))}`);
}

/** Without an answer nothing is known of any account: a change that was made is not to look as if it had failed. */
async function statusesOf(c: AccountsContext) {
  const reported = await reportedStatus(c.env).catch((error: unknown) => {
    console.warn(`accounts: the sidecar's report is not to be had: ${error}`);
    return undefined;
  });
  return reportedAccounts(reported, Date.now());
}

async function viewOf(c: AccountsContext, row: AccountRecord) {
  return accountView(row, (await statusesOf(c)).get(row.id));
}

accounts.get('/accounts', async (c) => {
  await requirePermission(c, 'accounts:read');
  const [rows, statuses] = await Promise.all([
    withDatabase(c.env, c.executionCtx, listAccounts),
    statusesOf(c),
  ]);
  const listed = new Set(rows.map(({ id }) => id));
  return c.json({
    accounts: rows.map((row) => accountView(row, statuses.get(row.id))),
    // Those of the sidecar's own environment: they stream, and cannot be changed here.
    unlisted: [...statuses.values()].filter(({ id }) => !listed.has(id)),
  });
});

accounts.post('/accounts', async (c) => {
  const changedBy = await requirePermission(c, 'accounts:write');
  const given = await readJson(c.req.raw, NewAccount);
  const { id, api_key, ...rest } = given;
  const fields = await sealedFields(id, rest, c.env);
  const row = await withDatabase(c.env, c.executionCtx, (sql) =>
    insertAccount(sql, { ...fields, id, api_key }, { changedBy, detail: detailOf(given) }),
  );
  wakeSidecar(c.env, c.executionCtx, 'accounts_changed');
  return c.json(await viewOf(c, row), 201);
});

accounts.get('/accounts/:id', async (c) => {
  await requirePermission(c, 'accounts:read');
  const id = idOf(c);
  const row = await withDatabase(c.env, c.executionCtx, (sql) => findAccount(sql, id));
  if (!row) throw notFound(id);
  return c.json(await viewOf(c, row));
});

accounts.patch('/accounts/:id', async (c) => {
  const changedBy = await requirePermission(c, 'accounts:write');
  const id = idOf(c);
  const given = await readJson(c.req.raw, AccountChange);
  if (Object.keys(given).length === 0)
    throw new AppError('invalid_parameter', 'body: names nothing to change');
  const fields = await sealedFields(id, given, c.env);
  const row = await withDatabase(c.env, c.executionCtx, (sql) =>
    updateAccount(sql, id, fields, { changedBy, detail: detailOf(given) }),
  );
  if (!row) throw notFound(id);
  wakeSidecar(c.env, c.executionCtx, 'accounts_changed');
  return c.json(await viewOf(c, row));
});

accounts.delete('/accounts/:id', async (c) => {
  const changedBy = await requirePermission(c, 'accounts:write');
  const id = idOf(c);
  const isDeleted = await withDatabase(c.env, c.executionCtx, (sql) =>
    deleteAccount(sql, id, { changedBy, detail: {} }),
  );
  if (!isDeleted) throw notFound(id);
  wakeSidecar(c.env, c.executionCtx, 'accounts_changed');
  return c.json({ id, deleted: true });
});

accounts.get('/accounts/:id/changes', async (c) => {
  await requirePermission(c, 'accounts:read');
  const id = idOf(c);
  const changes = await withDatabase(c.env, c.executionCtx, (sql) => listAccountChanges(sql, id));
  if (changes.length === 0) throw notFound(id);
  return c.json({ id, changes });
});
