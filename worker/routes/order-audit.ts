// Refused order requests leave a row each, so that somebody can see what a caller tries.
import type { Context } from 'hono';
import { AppError } from '../../shared/errors.ts';
import type { Env } from '../env.ts';
import { withDatabase } from '../store/db.ts';
import { type OrderRefusal, recordRefusal } from '../store/order-halts.ts';

/** Does the work; what it refuses the caller for is recorded, off the path of the answer, and thrown on. */
export async function auditRefusals<T>(
  c: Context<{ Bindings: Env }>,
  who: Pick<OrderRefusal, 'requestedBy' | 'action'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.httpStatus < 500) {
      const { code, message } = error;
      const { env, executionCtx: background } = c;
      const recorded = withDatabase(env, background, (sql) => recordRefusal(sql, { ...who, code, message }));
      background.waitUntil(
        recorded.catch((cause) => console.warn(`a refused ${who.action} was not recorded: ${cause}`)),
      );
    }
    throw error;
  }
}
