// The table of revoked users.
import type postgres from 'postgres';
import { REVOCATIONS_MAX } from '../../shared/limits.ts';
import type { Revocation } from '../core/revocations.ts';

/**
 * Makes void what was issued to the user up to now, and returns from when on tokens are good again, in seconds since
 * the epoch. That is the next full second: a token says its second only, and one of this second may be of before.
 */
export async function revokeUser(sql: postgres.Sql, userId: string): Promise<number> {
  const [row] = await sql<[{ not_before_s: number }]>`
    insert into token_revocations (user_id, not_before)
    values (${userId}, date_trunc('second', now()) + interval '1 second')
    on conflict (user_id) do update set not_before = greatest(token_revocations.not_before, excluded.not_before)
    returning extract(epoch from not_before)::float8 as not_before_s`;
  return row.not_before_s;
}

/** The latest revocations of `sinceS` (seconds since the epoch) and after, the earliest first. */
export async function readRevocations(sql: postgres.Sql, sinceS: number): Promise<Revocation[]> {
  const rows = await sql<{ user_id: string; not_before_s: number }[]>`
    select user_id, extract(epoch from not_before)::float8 as not_before_s
    from token_revocations
    where not_before >= to_timestamp(${sinceS})
    order by not_before desc
    limit ${REVOCATIONS_MAX}`;
  return rows.map((row) => ({ userId: row.user_id, notBeforeS: row.not_before_s })).reverse();
}
