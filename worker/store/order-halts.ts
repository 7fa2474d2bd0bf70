// Halts of orders and the record of what was refused, in PostgreSQL.
import type postgres from 'postgres';
import {
  ORDER_AUDIT_MESSAGE_BYTES_MAX,
  ORDER_AUDIT_PER_MINUTE_MAX,
  ORDER_HALTS_MAX,
} from '../../shared/limits.ts';

export interface OrderHalt {
  readonly scope: string;
  readonly halted_by: string;
  readonly halted_at: Date;
  readonly reason: string;
}

export async function listHalts(sql: postgres.Sql): Promise<readonly OrderHalt[]> {
  return sql<OrderHalt[]>`
    select scope, halted_by, halted_at, reason from order_halts order by scope limit ${ORDER_HALTS_MAX}`;
}

/** Halts the scope; one that is halted already stays as it is. Undefined when there are ORDER_HALTS_MAX others. */
export async function storeHalt(
  sql: postgres.Sql,
  halt: { readonly scope: string; readonly haltedBy: string; readonly reason: string },
): Promise<OrderHalt | undefined> {
  const { scope, haltedBy, reason } = halt;
  await sql`
    with stored as (
      insert into order_halts (scope, halted_by, reason)
      select ${scope}, ${haltedBy}, ${reason}
      -- The whole service can be halted always.
      where ${scope} = 'all' or (select count(*) from order_halts) < ${ORDER_HALTS_MAX}
      on conflict (scope) do nothing
      returning scope
    )
    insert into order_audit (requested_by, action, code, message)
    select ${haltedBy}, 'halt', 'halted', scope from stored`;
  const [row] = await sql<OrderHalt[]>`
    select scope, halted_by, halted_at, reason from order_halts where scope = ${scope}`;
  return row;
}

/** False when the scope was not halted. */
export async function deleteHalt(sql: postgres.Sql, scope: string, resumedBy: string): Promise<boolean> {
  const { count } = await sql`
    with resumed as (delete from order_halts where scope = ${scope} returning scope)
    insert into order_audit (requested_by, action, code, message)
    select ${resumedBy}, 'resume', 'resumed', scope from resumed`;
  return count > 0;
}

export interface OrderRefusal {
  readonly requestedBy: string;
  readonly action: 'place' | 'modify' | 'cancel' | 'halt' | 'resume' | 'postback';
  readonly code: string;
  readonly message: string;
}

/** The longest beginning of `text` that has so many bytes in UTF-8; whole characters only. */
function cutBytes(text: string, bytesMax: number): string {
  const bytes = new Uint8Array(bytesMax);
  const { read } = new TextEncoder().encodeInto(text, bytes);
  return text.slice(0, read);
}

/** Records a refusal, up to ORDER_AUDIT_PER_MINUTE_MAX of one requester within a minute; those beyond leave no trace. */
export async function recordRefusal(
  sql: postgres.Sql,
  { requestedBy, action, code, message }: OrderRefusal,
): Promise<void> {
  const text = cutBytes(message, ORDER_AUDIT_MESSAGE_BYTES_MAX);
  await sql`
    insert into order_audit (requested_by, action, code, message)
    select ${requestedBy}, ${action}, ${code}, ${text}
    where (
      select count(*) from order_audit
      where at > now() - interval '1 minute' and requested_by = ${requestedBy}
    ) < ${ORDER_AUDIT_PER_MINUTE_MAX}`;
}
