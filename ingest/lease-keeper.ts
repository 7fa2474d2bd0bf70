// Keeps the lease: stands by until it is free, renews it while it is ours, and says whether a post may leave.
import { SIDECAR_LEASE_POLL_MS, SIDECAR_LEASE_RENEW_MS } from '../shared/limits.ts';
import type { LeaseState } from '../shared/status.ts';
import type { Clock, Timer } from './clock.ts';
import { type Instant, isCertain, StandbyWatch } from './core/lease.ts';
import type { Logger } from './log.ts';
import type { LeaseHolder, SidecarLeaseStore } from './store/sidecar-lease.ts';

/** What a sidecar has to know of the lease that it lives by. */
export interface Lease {
  readonly state: LeaseState;
  /** Resolves when a post may leave; rejects when the lease is lost. */
  confirm(): Promise<void>;
}

/** Without a database nobody can tell whether there is another sidecar: only the later epoch will. */
export const NO_LEASE: Lease = { state: 'none', confirm: () => Promise.resolve() };

export interface LeaseKeeperOptions {
  readonly store: Pick<SidecarLeaseStore, 'read' | 'take' | 'renew' | 'release' | 'close'>;
  readonly isHolderGone: (holder: LeaseHolder) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** The lease is ours, under this epoch. */
  readonly onTaken: (epoch: number) => void;
  /** It is ours no more: nothing may be posted under its epoch. */
  readonly onLost: (reason: string) => void;
}

type State =
  | { readonly kind: 'standby' }
  | {
      readonly kind: 'held';
      readonly epoch: number;
      /** When the question was asked whose answer we go by. */
      askedAt: Instant;
      isConfirmed: boolean;
    }
  | { readonly kind: 'stopped' };

type Attempt =
  | { readonly kind: 'taken'; readonly epoch: number; readonly askedAt: Instant }
  | { readonly kind: 'wait'; readonly forMs: number };

/** `away`: the database did not say. */
type Verdict = 'ours' | 'lost' | 'away';

export class LeaseKeeper implements Lease {
  readonly #options: LeaseKeeperOptions;
  readonly #watch = new StandbyWatch();
  #state: State = { kind: 'standby' };
  #timer: Timer | undefined;
  #attempting: Promise<Attempt> | undefined;
  #asking: Promise<Verdict> | undefined;
  #isAway = false;
  #hasSaidStandingBy = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  get state(): Exclude<LeaseState, 'none'> {
    if (this.#state.kind !== 'held') return 'standby';
    return this.#state.isConfirmed ? 'held' : 'unconfirmed';
  }

  /** Stands by until the lease can be had. */
  start(): void {
    void this.#lookAtLease();
  }

  /** Gives the lease back if it is ours. Takes no longer than one answer of the database may. */
  async stop(): Promise<void> {
    const { store, log } = this.#options;
    const state = this.#state;
    this.#state = { kind: 'stopped' };
    this.#timer?.cancel();
    await this.#asking;
    // Also what the database is giving us just now.
    const attempt = await this.#attempting;
    const epoch = state.kind === 'held' ? state.epoch : attempt?.kind === 'taken' ? attempt.epoch : undefined;
    try {
      if (epoch !== undefined) await store.release(epoch);
    } catch (error) {
      log.warn('lease not given back, it ends by itself', { error });
    }
    store.close();
  }

  /**
   * Resolves when a post may leave, at once as a rule. A process that was stopped for a while, or whose clock was set,
   * asks the database first; rejects when the lease is another's.
   *
   * A database that is away says nothing, and then the holder goes on: nobody can take the lease from a database that
   * nobody reaches. Should another sidecar reach it all the same, its later epoch has the edge refuse our posts.
   */
  async confirm(): Promise<void> {
    for (;;) {
      const state = this.#state;
      if (state.kind !== 'held') throw new Error('the lease is not ours');
      if (isCertain(state.askedAt, this.#now())) return;
      await this.#ask();
    }
  }

  /**
   * The edge has heard of a later epoch. True when the lease is ours all the same: then that one goes by no lease, or by
   * another database's. Otherwise this sidecar stands by from now on.
   */
  async isOursAfterAll(): Promise<boolean> {
    const verdict = await this.#ask();
    if (verdict === 'away') this.#lose('a later sidecar is active at the edge');
    return verdict === 'ours';
  }

  #now(): Instant {
    const { clock } = this.#options;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }

  #arm(delayMs: number, run: () => void): void {
    this.#timer?.cancel();
    if (this.#state.kind !== 'stopped') this.#timer = this.#options.clock.after(delayMs, run);
  }

  async #lookAtLease(): Promise<void> {
    const { log, onTaken } = this.#options;
    this.#attempting = this.#attempt();
    const attempt = await this.#attempting;
    if (this.#state.kind !== 'standby') return;
    if (attempt.kind === 'wait') {
      this.#arm(attempt.forMs, () => void this.#lookAtLease());
      return;
    }
    const { epoch, askedAt } = attempt;
    this.#state = { kind: 'held', epoch, askedAt, isConfirmed: true };
    this.#hasSaidStandingBy = false;
    log.info('lease taken, this sidecar is the active one', { epoch });
    this.#arm(SIDECAR_LEASE_RENEW_MS, () => void this.#renew());
    onTaken(epoch);
  }

  async #attempt(): Promise<Attempt> {
    const { store, isHolderGone, clock } = this.#options;
    try {
      const row = await store.read();
      this.#onAnswer();
      const isGone = row !== undefined && isHolderGone(row.holder);
      const move = this.#watch.decide(row && { ...row, isHolderGone: isGone }, clock.monotonicMs());
      if (move.kind === 'wait') {
        this.#sayStandingBy(row?.epoch);
        return move;
      }
      const askedAt = this.#now();
      const epoch = await store.take(move.overEpoch, isGone);
      if (epoch !== undefined) return { kind: 'taken', epoch, askedAt };
    } catch (error) {
      this.#onNoAnswer(error);
      this.#watch.onAway();
    }
    return { kind: 'wait', forMs: SIDECAR_LEASE_POLL_MS };
  }

  async #renew(): Promise<void> {
    const startedAtMs = this.#options.clock.monotonicMs();
    await this.#ask();
    if (this.#state.kind !== 'held') return;
    const spentMs = this.#options.clock.monotonicMs() - startedAtMs;
    this.#arm(SIDECAR_LEASE_RENEW_MS - spentMs, () => void this.#renew());
  }

  /** Asks the database whether the lease is ours, renewing it if it is. Callers at the same time share one question. */
  #ask(): Promise<Verdict> {
    this.#asking ??= this.#askDatabase().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askDatabase(): Promise<Verdict> {
    const { store } = this.#options;
    const state = this.#state;
    if (state.kind !== 'held') return 'lost';
    const askedAt = this.#now();
    let verdict: Verdict;
    try {
      verdict = (await store.renew(state.epoch)) ? 'ours' : 'lost';
      this.#onAnswer();
    } catch (error) {
      verdict = 'away';
      this.#onNoAnswer(error);
    }
    // Stopped or lost meanwhile.
    if (this.#state !== state) return 'lost';
    if (verdict === 'lost') this.#lose('another sidecar has taken it');
    else {
      state.askedAt = askedAt;
      state.isConfirmed = verdict === 'ours';
    }
    return verdict;
  }

  #lose(reason: string): void {
    const { log, onLost } = this.#options;
    if (this.#state.kind !== 'held') return;
    this.#state = { kind: 'standby' };
    log.warn('lease lost, this sidecar stands by', { reason });
    onLost(reason);
    this.#arm(SIDECAR_LEASE_POLL_MS, () => void this.#lookAtLease());
  }

  #sayStandingBy(epoch: number | undefined): void {
    if (!this.#hasSaidStandingBy) {
      this.#options.log.info('another sidecar has the lease, this one stands by', { epoch });
    }
    this.#hasSaidStandingBy = true;
  }

  #onAnswer(): void {
    if (this.#isAway) this.#options.log.info('database answers about the lease again');
    this.#isAway = false;
  }

  #onNoAnswer(error: unknown): void {
    const { log } = this.#options;
    if (!this.#isAway) {
      const does = this.#state.kind === 'held' ? 'goes on streaming' : 'stands by';
      log.warn(`database does not answer about the lease, this sidecar ${does}`, { error });
    }
    this.#isAway = true;
  }
}
