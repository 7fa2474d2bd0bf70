// What the executor has learned of the world and has not stored yet.
import type { BookRows, KiteOrder } from '../core/orders/kite-order.ts';
import type { WriteOutcome } from '../core/orders/outcome.ts';
import type { AccountLane } from './account-lane.ts';

/** What has been learned and is to be stored. It waits while the database is away. */
export type Fact =
  | { readonly kind: 'ended'; readonly taskId: string; readonly outcome: WriteOutcome }
  | { readonly kind: 'order'; readonly accountId: string; readonly order: KiteOrder }
  | {
      readonly kind: 'look';
      readonly lane: AccountLane;
      readonly book: BookRows;
      readonly startedAtMs: number;
      /** Whom it is for, see AccountLane. */
      readonly asks: number;
    };

/** The lease is another's: whatever this executor knows, it is not for it to write. */
export class Fenced extends Error {}
