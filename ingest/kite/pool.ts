// The sockets of all Kite accounts, and which of them carries which instrument.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { KITE_ACCOUNTS_MAX } from '../../shared/limits.ts';
import type { AccountStatus } from '../../shared/status.ts';
import type { Timer } from '../clock.ts';
import {
  type DesiredInstrument,
  type PlacementPlan,
  type PlannedSocket,
  planPlacement,
} from '../core/placement.ts';
import type { KiteAccount } from './account.ts';
import { AccountSockets, type AccountSocketsOptions } from './account-sockets.ts';
import type { KiteConnection } from './connection.ts';

export type PoolOptions = Omit<AccountSocketsOptions, 'onChange'>;

/**
 * Plans anew whenever something has changed: what is desired, an account, the state of a socket, or that a lost socket
 * has had its time to come back. Nothing here waits: a plan is made and carried out in one synchronous step.
 */
export class KitePool {
  readonly #options: PoolOptions;
  #accounts: ReadonlyMap<string, AccountSockets> = new Map();
  #desired: readonly DesiredInstrument[] = [];
  #notPlaced: readonly InstrumentToken[] = [];
  #isPlanDue = false;
  #isStopped = false;
  #graceTimer: Timer | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get connections(): readonly KiteConnection[] {
    return [...this.#accounts.values()].flatMap(({ connections }) => connections);
  }

  /** Instruments that an open socket carries. */
  get activeSubscriptions(): number {
    return this.connections
      .filter(({ state }) => state.kind === 'open')
      .reduce((sum, { subscriptions }) => sum + subscriptions.size, 0);
  }

  /** Pinned or wanted instruments that no socket streams, those of a higher priority first. */
  get notPlaced(): readonly InstrumentToken[] {
    return this.#notPlaced;
  }

  /** Makes these the accounts, at most KITE_ACCOUNTS_MAX of them. Sockets of accounts that stay as they were stay open. */
  setAccounts(accounts: readonly KiteAccount[]): void {
    if (this.#isStopped) return;
    if (accounts.length > KITE_ACCOUNTS_MAX) {
      const { log } = this.#options;
      log.error('too many kite accounts, the last ones are left out', {
        accounts: accounts.length,
        accountsMax: KITE_ACCOUNTS_MAX,
      });
    }
    const before = this.#accounts;
    const used = new Map(accounts.slice(0, KITE_ACCOUNTS_MAX).map((account) => [account.id, account]));
    for (const [id, sockets] of before) if (!used.has(id)) sockets.stop();
    const onChange = () => this.#planSoon();
    this.#accounts = new Map(
      [...used].map(([id, account]) => {
        const known = before.get(id);
        known?.update(account);
        return [id, known ?? new AccountSockets(account, { ...this.#options, onChange })];
      }),
    );
    this.#plan();
  }

  /** Makes these the instruments to be streamed, each named once. */
  setDesired(items: readonly DesiredInstrument[]): void {
    this.#desired = items;
    this.#plan();
  }

  stop(): void {
    this.#isStopped = true;
    this.#graceTimer?.cancel();
    for (const sockets of this.#accounts.values()) sockets.stop();
  }

  /** Opens a socket anew that has heartbeats but brings no ticks. False when it is not open. */
  recycle(connectionId: string): boolean {
    const connection = this.connections.find(({ id }) => id === connectionId);
    return connection?.recycle('heartbeats without ticks') ?? false;
  }

  status(): AccountStatus[] {
    return [...this.#accounts.values()].map((sockets) => sockets.status());
  }

  /** Once for all changes that come together: an outage changes every socket. */
  #planSoon(): void {
    if (this.#isPlanDue) return;
    this.#isPlanDue = true;
    this.#options.clock.soon(() => {
      this.#isPlanDue = false;
      this.#plan();
    });
  }

  #plan(): void {
    if (this.#isStopped) return;
    const accounts = [...this.#accounts.values()];
    // One time for all of it: a grace that ends between two looks at the clock would end unseen.
    const nowMs = this.#options.clock.monotonicMs();
    const sockets = inTurns(accounts.map((account) => account.planned(nowMs)));
    const plan = planPlacement(this.#desired, sockets);
    this.#report(plan, sockets);
    this.#notPlaced = plan.notPlaced;
    for (const account of accounts) account.apply(plan.moves);
    this.#watchGrace(accounts, nowMs);
  }

  #watchGrace(accounts: readonly AccountSockets[], nowMs: number): void {
    this.#graceTimer?.cancel();
    const ends = accounts.flatMap((account) => account.graceEndsAtMs(nowMs) ?? []);
    this.#graceTimer =
      ends.length === 0
        ? undefined
        : this.#options.clock.after(Math.min(...ends) - nowMs, () => this.#plan());
  }

  #report(plan: PlacementPlan, sockets: readonly PlannedSocket[]): void {
    const { log } = this.#options;
    for (const { id, availability } of sockets) {
      const instruments = plan.moves.get(id)?.unsubscribe.length ?? 0;
      if (availability === 'away' && instruments > 0) {
        log.warn('instruments leave a kite socket that is away', { connection: id, instruments });
      }
    }
    const notPlaced = plan.notPlaced.length;
    if (notPlaced > 0 && this.#notPlaced.length === 0) {
      log.warn('not all instruments have a place at kite', { notPlaced, desired: this.#desired.length });
    }
    if (notPlaced === 0 && this.#notPlaced.length > 0) log.info('all instruments have a place at kite again');
  }
}

/** The first socket of each account, then the second ones: of equals the planner takes the first, and accounts fail whole. */
function inTurns(byAccount: readonly (readonly PlannedSocket[])[]): PlannedSocket[] {
  const rounds = Math.max(0, ...byAccount.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) =>
    byAccount.flatMap((sockets) => sockets[round] ?? []),
  ).flat();
}
