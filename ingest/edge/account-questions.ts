// What the edge asks about one Kite account: its orders, positions and margins, as Kite has them now; and postbacks.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import type { SignedOrder } from '../kite/postbacks.ts';
import { KiteRestError } from '../kite/rest-error.ts';
import type { KiteRestPool } from '../kite/rest-pool.ts';
import { quote } from '../log.ts';
import type { ControlHandlers } from './control-link.ts';

export interface QuestionedAccounts {
  readonly rest: Pick<KiteRestPool, 'call'>;
  has(accountId: string): boolean;
  /** As Postbacks.check. */
  checkPostback(text: string): Promise<SignedOrder | undefined>;
}

const AccountQuestion = z.object({ account_id: z.string() });
const PostbackQuestion = z.object({ text: z.string() });

function read<T>(schema: z.ZodType<T>, question: unknown): T {
  const parsed = schema.safeParse(question);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AppError('invalid_parameter', `${issue?.path.join('.')}: ${issue?.message}`);
}

/** Kite's answer to a GET as it is. Throws AppError. */
async function ask<T>(
  accounts: QuestionedAccounts,
  question: unknown,
  path: string,
  schema: z.ZodType<T>,
): Promise<T> {
  const { account_id: accountId } = read(AccountQuestion, question);
  if (!accounts.has(accountId)) {
    throw new AppError('unknown_account', `account_id: ${JSON.stringify(quote(accountId))} is no account`);
  }
  try {
    return await accounts.rest.call({ method: 'GET', path }, schema, { accountId });
  } catch (error) {
    if (!(error instanceof KiteRestError)) throw error;
    const code = error.failure === 'throttled' ? 'rate_limited' : 'sidecar_unavailable';
    throw new AppError(code, error.message, { cause: error });
  }
}

/** `reread` has an order read again; it may be told of orders that nobody here knows. */
export function accountHandlers(
  accounts: QuestionedAccounts | undefined,
  reread: (order: SignedOrder) => void,
): Pick<ControlHandlers, 'orders' | 'positions' | 'margins' | 'postback'> {
  const known = () => {
    if (accounts) return accounts;
    throw new AppError('sidecar_unavailable', 'this sidecar asks Kite nothing');
  };
  return {
    orders: async (question) => ask(known(), question, '/orders', z.array(z.unknown())),
    positions: async (question) => ask(known(), question, '/portfolio/positions', z.unknown()),
    margins: async (question) => ask(known(), question, '/user/margins', z.unknown()),
    postback: async (question) => {
      const order = await known().checkPostback(read(PostbackQuestion, question).text);
      if (order) reread(order);
      return { accepted: order !== undefined };
    },
  };
}
