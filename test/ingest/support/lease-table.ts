// The lease's table without a database: the same rules on a clock of its own, which can be away.
import type { Clock } from '../../../ingest/clock.ts';
import type { LeaseHolder, LeaseRow, SidecarLeaseStore } from '../../../ingest/store/sidecar-lease.ts';
import { SIDECAR_LEASE_MS } from '../../../shared/limits.ts';

type LeaseStore = Pick<SidecarLeaseStore, 'read' | 'take' | 'renew' | 'release' | 'close'>;

export class LeaseTable {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #row: { holder: LeaseHolder; epoch: number; expiresAtMs: number } | undefined;
  isAway = false;
  /** Questions wait until this settles. */
  pause: Promise<void> = Promise.resolve();
  renewals = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  get epoch(): number | undefined {
    return this.#row?.epoch;
  }

  /** What the sidecar with this id sees of the table. */
  storeOf(id: string, processId = 1): LeaseStore {
    const holder: LeaseHolder = { id, machine: 'here', processId };
    return {
      read: () => this.#answer(() => this.#read()),
      take: (overEpoch, isHolderGone) => this.#answer(() => this.#take(holder, overEpoch, isHolderGone)),
      renew: (epoch) => this.#answer(() => this.#renew(holder, epoch)),
      release: (epoch) => this.#answer(() => void this.#set(holder, epoch, Number.NEGATIVE_INFINITY)),
      close: () => undefined,
    };
  }

  async #answer<T>(question: () => T): Promise<T> {
    await this.pause;
    if (this.isAway) throw new Error('connect ECONNREFUSED');
    return question();
  }

  #read(): LeaseRow | undefined {
    if (!this.#row) return undefined;
    const { holder, epoch, expiresAtMs } = this.#row;
    const isReleased = expiresAtMs === Number.NEGATIVE_INFINITY;
    return { holder, epoch, remainingMs: expiresAtMs - this.#clock.monotonicMs(), isReleased };
  }

  #take(holder: LeaseHolder, overEpoch: number, isHolderGone: boolean): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    const row = this.#row;
    if (row && (row.epoch !== overEpoch || (row.expiresAtMs > nowMs && !isHolderGone))) return undefined;
    this.#row = { holder, epoch: Math.max(nowMs, overEpoch + 1), expiresAtMs: nowMs + SIDECAR_LEASE_MS };
    return this.#row.epoch;
  }

  #renew(holder: LeaseHolder, epoch: number): boolean {
    this.renewals++;
    return this.#set(holder, epoch, this.#clock.monotonicMs() + SIDECAR_LEASE_MS);
  }

  #set(holder: LeaseHolder, epoch: number, expiresAtMs: number): boolean {
    const row = this.#row;
    if (row?.holder.id !== holder.id || row.epoch !== epoch) return false;
    row.expiresAtMs = expiresAtMs;
    return true;
  }
}
