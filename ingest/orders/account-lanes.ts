// All accounts of the executor, and the pace of the Zerodha users behind them.
import { assertNever } from '../../shared/errors.ts';
import { OrderPace } from '../core/orders/order-pace.ts';
import type { WriteOutcome } from '../core/orders/outcome.ts';
import { AccountLane } from './account-lane.ts';
import type { KiteOrders, LoadedOrders } from './ports.ts';

interface SentBefore {
  readonly agesMs: readonly number[];
  readonly todayCount: number;
  readonly knownAtMs: number;
}

export interface WriteUnderWay {
  end(outcome: WriteOutcome, nowMs: number): void;
}

export class AccountLanes {
  readonly #kite: Pick<KiteOrders, 'accounts'>;
  readonly #lanes = new Map<string, AccountLane>();
  /** By user: Kite's limits are of the user, however many accounts of ours are one there. */
  readonly #paces = new Map<string, OrderPace>();
  readonly #userIds = new Map<string, string>();
  /** What was sent before this process, of accounts whose user is not known yet. */
  #sentBefore: Map<string, SentBefore> | undefined;

  constructor(kite: Pick<KiteOrders, 'accounts'>) {
    this.#kite = kite;
  }

  get(accountId: string): AccountLane {
    const known = this.#lanes.get(accountId);
    if (known) return known;
    const lane = new AccountLane(accountId);
    this.#lanes.set(accountId, lane);
    return lane;
  }

  /** Counts what was sent before, once: what came later was sent by us, and is counted. */
  restore({ sent }: Pick<LoadedOrders, 'sent'>, nowMs: number): void {
    this.#sentBefore ??= new Map(
      sent.map(({ accountId, agesMs, todayCount }) => [accountId, { agesMs, todayCount, knownAtMs: nowMs }]),
    );
  }

  startDay(): void {
    for (const pace of this.#paces.values()) pace.startDay();
    const before = [...(this.#sentBefore ?? [])];
    this.#sentBefore = new Map(before.map(([id, sent]) => [id, { ...sent, todayCount: 0 }]));
  }

  askAll(): void {
    for (const lane of this.#lanes.values()) lane.ask();
  }

  /** Accounts that Kite answers. */
  authorized(): readonly AccountLane[] {
    return this.#kite.accounts().map(({ accountId, userId }) => {
      this.#userIds.set(accountId, userId);
      const before = this.#sentBefore?.get(accountId);
      if (before) {
        this.#sentBefore?.delete(accountId);
        this.#paceOf(accountId).restore(before.agesMs, before.todayCount, before.knownAtMs);
      }
      return this.get(accountId);
    });
  }

  /** Accounts of which a write may leave now. */
  ready(nowMs: number): readonly string[] {
    return this.authorized()
      .filter((lane) => lane.writeAtMs(this.#paceOf(lane.accountId)) <= nowMs)
      .map(({ accountId }) => accountId);
  }

  /** When the next account may send that may not now. */
  writeAtMs(nowMs: number): number {
    const timesMs = this.authorized().map((lane) => lane.writeAtMs(this.#paceOf(lane.accountId)));
    return Math.min(Number.POSITIVE_INFINITY, ...timesMs.filter((ms) => ms > nowMs));
  }

  /** When something is to be read. */
  readAtMs(): number {
    const timesMs = this.authorized().map((lane) => lane.readAtMs());
    return Math.min(Number.POSITIVE_INFINITY, ...timesMs);
  }

  /** A request of the account is about to leave. */
  startWrite(accountId: string, nowMs: number): WriteUnderWay {
    const lane = this.get(accountId);
    const pace = this.#paceOf(accountId);
    const request = pace.start(nowMs);
    return {
      end: (outcome, endedAtMs) => {
        pace.end(request, outcome.kind !== 'unknown', endedAtMs);
        switch (outcome.kind) {
          case 'throttled':
            return pace.noteThrottled(endedAtMs, outcome.retryAfterMs);
          case 'acknowledged':
          case 'refused':
            pace.noteAdmitted();
            return lane.breaker.onSuccess();
          case 'not_sent':
          case 'unknown':
            return lane.breaker.onFailure(endedAtMs);
          default:
            return assertNever(outcome);
        }
      },
    };
  }

  #paceOf(accountId: string): OrderPace {
    const userId = this.#userIds.get(accountId) ?? accountId;
    const known = this.#paces.get(userId);
    if (known) return known;
    const pace = new OrderPace();
    this.#paces.set(userId, pace);
    return pace;
  }
}
