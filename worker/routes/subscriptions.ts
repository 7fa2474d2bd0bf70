// /subscriptions: instruments that stream whether or not a client wants them, stored for the sidecar and listed.
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { type InstrumentToken, parseInstrumentToken } from '../../shared/instrument.ts';
import {
  KITE_ACCOUNT_ID_CHARS_MAX,
  NOT_PLACED_TOKENS_MAX,
  SUBSCRIPTION_BODY_BYTES_MAX,
  SUBSCRIPTIONS_MAX,
  SUBSCRIPTIONS_PAGE_ROWS_DEFAULT,
  SUBSCRIPTIONS_PAGE_ROWS_MAX,
} from '../../shared/limits.ts';
import { readBody } from '../auth/ingest-signature.ts';
import { requirePermission } from '../auth/permission.ts';
import type { Env } from '../env.ts';
import { withDatabase } from '../store/db.ts';
import {
  deleteSubscription,
  listSubscriptions,
  type Subscription,
  storeSubscription,
} from '../store/subscriptions.ts';
import { reportedStatus } from './fleet.ts';
import { askSidecar, wakeSidecar } from './sidecar-link.ts';

export const subscriptions = new Hono<{ Bindings: Env }>();

const Token = z.custom<InstrumentToken>((value) => parseInstrumentToken(value) !== undefined, {
  error: 'must be an integer from 1 to 4294967295',
});
const Mode = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.enum(['ltp', 'quote', 'full'], { error: 'must be LTP, QUOTE or FULL' }));
/** PostgreSQL's text has no NUL. */
const AccountId = z
  .string()
  .min(1)
  .max(KITE_ACCOUNT_ID_CHARS_MAX)
  .regex(/^[^\0]*$/);

/** Strict: a misspelt field would silently mean its default. */
const Body = z.strictObject({
  instrument_token: Token,
  requested_mode: Mode.default('full'),
  account_id: AccountId.nullish(),
});
/** What a DELETE has to say; the rest of a POST's body may stay. */
const Target = z.object({ instrument_token: Token });

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, { error: 'must be a whole number' })
    .transform(Number)
    .pipe(z.number().min(min).max(max));
const Query = z.strictObject({
  after: wholeNumber(0, 0xffff_ffff).default(0),
  limit: wholeNumber(1, SUBSCRIPTIONS_PAGE_ROWS_MAX).default(SUBSCRIPTIONS_PAGE_ROWS_DEFAULT),
  /** A user's token may come in the query. */
  token: z.string().optional(),
});

const NotPlaced = z.object({
  total: z.number().int().nonnegative(),
  tokens: z.array(Token).max(NOT_PLACED_TOKENS_MAX),
});

/** The value if the schema takes it; throws `invalid_parameter` with the first field that is wrong, and its value. */
function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path[0];
  const got = field === undefined ? value : (value as Record<PropertyKey, unknown>)[field];
  const shown = (JSON.stringify(got) ?? 'nothing').slice(0, 100);
  throw new AppError('invalid_parameter', `${String(field ?? 'body')}: ${issue?.message}, got ${shown}`);
}

async function readJson(request: Request): Promise<unknown> {
  const bytes = await readBody(request, SUBSCRIPTION_BODY_BYTES_MAX, 'message_too_big');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (cause) {
    throw new AppError('invalid_json', 'body is not JSON in UTF-8', { cause });
  }
}

/** The mode is written as clients of the first service write it. */
function viewOf({ token, mode, accountId, tradingsymbol, exchange, createdAt, updatedAt }: Subscription) {
  return {
    instrument_token: token,
    tradingsymbol,
    exchange,
    requested_mode: mode.toUpperCase(),
    account_id: accountId,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

subscriptions.get('/', async (c) => {
  await requirePermission(c, 'subscriptions:read');
  const { after, limit } = check(Query, c.req.query());
  const page = await withDatabase(c.env, c.executionCtx, (sql) => listSubscriptions(sql, after, limit));
  const last = page.subscriptions.at(-1);
  return c.json({
    subscriptions: page.subscriptions.map(viewOf),
    total: page.total,
    next: page.subscriptions.length === limit ? last?.token : undefined,
  });
});

/** Instruments that are wanted and have no place at Kite, as the sidecar has it now. */
subscriptions.get('/not_placed', async (c) => {
  await requirePermission(c, 'subscriptions:read');
  return c.json(await askSidecar(c.env, 'not_placed', null, NotPlaced));
});

/** Whether the sidecar has the account, as far as anybody can say: one of its environment is in no table. */
async function isReported(env: Env, accountId: string): Promise<boolean> {
  const reported = await reportedStatus(env).catch(() => undefined);
  return !reported || reported.status.accounts.some(({ id }) => id === accountId);
}

subscriptions.post('/', async (c) => {
  await requirePermission(c, 'subscriptions:write');
  const body = check(Body, await readJson(c.req.raw));
  const { instrument_token: token, requested_mode: mode } = body;
  const accountId = body.account_id ?? undefined;
  const isAccountReported = accountId !== undefined && (await isReported(c.env, accountId));
  const result = await withDatabase(c.env, c.executionCtx, (sql) =>
    storeSubscription(sql, { token, mode, accountId, isAccountReported }),
  );
  switch (result.kind) {
    case 'unknown_instrument':
      throw new AppError(result.kind, `instrument_token ${token} is not in today's instrument list`);
    case 'unknown_account':
      throw new AppError(result.kind, `account_id ${JSON.stringify(accountId)} is no account`);
    case 'subscription_limit':
      throw new AppError(result.kind, `there are ${SUBSCRIPTIONS_MAX} subscriptions already`);
    case 'created':
    case 'replaced':
      wakeSidecar(c.env, c.executionCtx, 'subscriptions_changed');
      return c.json(viewOf(result.subscription), result.kind === 'created' ? 201 : 200);
  }
});

async function remove(c: Context<{ Bindings: Env }>, token: InstrumentToken): Promise<Response> {
  const { env, executionCtx: background } = c;
  const wasThere = await withDatabase(env, background, (sql) => deleteSubscription(sql, token));
  if (!wasThere) throw new AppError('not_found', `instrument_token ${token} has no subscription`);
  wakeSidecar(env, background, 'subscriptions_changed');
  return c.json({ instrument_token: token, deleted: true });
}

subscriptions.delete('/', async (c) => {
  await requirePermission(c, 'subscriptions:write');
  const { instrument_token: token } = check(Target, await readJson(c.req.raw));
  return remove(c, token);
});

subscriptions.delete('/:instrument_token', async (c) => {
  await requirePermission(c, 'subscriptions:write');
  const text = c.req.param('instrument_token');
  const value = /^\d{1,10}$/.test(text) ? Number(text) : text;
  return remove(c, check(Target, { instrument_token: value }).instrument_token);
});
