// The lease in PostgreSQL: one row that says which sidecar is the active one. All times are the database's.
import { SIDECAR_LEASE_ANSWER_MS_MAX, SIDECAR_LEASE_MS } from '../../shared/limits.ts';
import type { Clock } from '../clock.ts';
import { DatabaseSession } from './db.ts';

export interface LeaseHolder {
  /** Unique to one run of a process. */
  readonly id: string;
  /** What its processes' ids are unique in; undefined where that cannot be told. */
  readonly machine: string | undefined;
  readonly processId: number;
}

export interface LeaseRow {
  readonly holder: LeaseHolder;
  readonly epoch: number;
  /** Until it ends; negative when it has. */
  readonly remainingMs: number;
  readonly isReleased: boolean;
}

/** Every call rejects when the database does not answer within SIDECAR_LEASE_ANSWER_MS_MAX. */
export class SidecarLeaseStore {
  readonly #session: DatabaseSession;
  readonly #holder: LeaseHolder;

  constructor(url: string, clock: Clock, holder: LeaseHolder) {
    this.#session = new DatabaseSession(url, clock, SIDECAR_LEASE_ANSWER_MS_MAX);
    this.#holder = holder;
  }

  /** The lease as it is; undefined when nobody has ever had it. */
  read(): Promise<LeaseRow | undefined> {
    return this.#session.ask(async (sql) => {
      const [row] = await sql<
        {
          holder: string;
          epoch: string;
          remaining_ms: number;
          is_released: boolean;
          machine: string | null;
          process_id: number | null;
        }[]
      >`
        select holder, epoch, machine, process_id, expires_at = to_timestamp(0) as is_released,
          extract(epoch from expires_at - clock_timestamp())::float8 * 1000 as remaining_ms
        from sidecar_lease`;
      if (!row) return undefined;
      const holder = { id: row.holder, machine: row.machine ?? undefined, processId: row.process_id ?? 0 };
      const { remaining_ms: remainingMs, is_released: isReleased } = row;
      return { holder, epoch: Number(row.epoch), remainingMs, isReleased };
    });
  }

  /**
   * Takes the lease that was last held under `overEpoch` (0: by nobody), if it has ended or its holder is gone, and
   * returns the new epoch: the time, and more than the one before. Undefined when somebody else was faster.
   */
  take(overEpoch: number, isHolderGone: boolean): Promise<number | undefined> {
    const { id, machine = null, processId } = this.#holder;
    return this.#session.ask(async (sql) => {
      const [row] = await sql<{ epoch: string }[]>`
        insert into sidecar_lease as lease (holder, epoch, expires_at, machine, process_id)
        values (${id}, floor(extract(epoch from clock_timestamp()) * 1000),
          clock_timestamp() + ${SIDECAR_LEASE_MS} * interval '1 millisecond', ${machine}, ${processId})
        on conflict (only_row) do update set holder = excluded.holder,
          epoch = greatest(excluded.epoch, lease.epoch + 1), expires_at = excluded.expires_at,
          machine = excluded.machine, process_id = excluded.process_id
        where lease.epoch = ${overEpoch} and (lease.expires_at <= clock_timestamp() or ${isHolderGone})
        returning epoch`;
      return row && Number(row.epoch);
    });
  }

  /**
   * Puts the end off. False when another one has taken the lease since. One that has ended and was not taken is as
   * good as new: nobody else has posted under a later epoch.
   */
  renew(epoch: number): Promise<boolean> {
    return this.#session.ask(async (sql) => {
      const { count } = await sql`
        update sidecar_lease
        set expires_at = clock_timestamp() + ${SIDECAR_LEASE_MS} * interval '1 millisecond'
        where holder = ${this.#holder.id} and epoch = ${epoch}`;
      return count === 1;
    });
  }

  /** Gives it back: a standby need not wait for its end. */
  async release(epoch: number): Promise<void> {
    await this.#session.ask(
      (sql) => sql`
        update sidecar_lease set expires_at = to_timestamp(0)
        where holder = ${this.#holder.id} and epoch = ${epoch}`,
    );
  }

  close(): void {
    this.#session.close();
  }
}
