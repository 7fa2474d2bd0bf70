// Which Kite account a request is for: the one that it names, or the only one.
import { AppError } from '../../shared/errors.ts';
import type { Env } from '../env.ts';
import type { KnownAccount } from '../store/order-tasks.ts';
import { reportedStatus } from './fleet.ts';

/** Accounts of the sidecar's own environment are in no table: those that it streams with, if it has reported. */
async function reportedAccountIds(env: Env): Promise<readonly string[] | undefined> {
  const reported = await reportedStatus(env).catch(() => undefined);
  return reported?.status.accounts.map(({ id }) => id);
}

/**
 * The account to act for. Throws `unknown_account`, `invalid_parameter` when it has to be named, or `sidecar_unavailable` when it
 * may be one of the sidecar's, which has not reported.
 */
export async function accountOf(
  env: Env,
  given: string | undefined,
  known: readonly KnownAccount[],
): Promise<string> {
  const row = known.find(({ id }) => id === given);
  if (row && !row.enabled)
    throw new AppError('unknown_account', `account_id: ${JSON.stringify(given)} is not enabled`);
  if (row) return row.id;
  const reported = await reportedAccountIds(env);
  if (given !== undefined && reported?.includes(given)) return given;
  const enabled = known.filter((account) => account.enabled).map(({ id }) => id);
  if (!reported && (given !== undefined || enabled.length === 0)) {
    throw new AppError('sidecar_unavailable', 'account_id: the sidecar has not said which accounts it has');
  }
  if (given !== undefined)
    throw new AppError('unknown_account', `account_id: ${JSON.stringify(given)} is no account`);
  const listed = new Set(known.map(({ id }) => id));
  const all = [...enabled, ...(reported ?? []).filter((id) => !listed.has(id))];
  if (all.length === 1) return all[0] as string;
  if (all.length === 0) throw new AppError('unknown_account', 'account_id: there is no enabled account');
  throw new AppError('invalid_parameter', `account_id: is required, there are ${all.length} accounts`);
}
