// Which of two lives this process has: the active sidecar, or one that stands by, connected to nothing at Kite.
import type { SidecarStatus } from '../shared/status.ts';
import { type Lease, type LeaseKeeper, type LeaseKeeperOptions, NO_LEASE } from './lease-keeper.ts';
import type { Sidecar } from './sidecar.ts';

/** A sidecar for one term: started once, or never when it only stands for one that is not there. */
type TermSidecar = Pick<Sidecar, 'start' | 'stop' | 'status'>;
export type CreateSidecar = (
  epoch: number,
  lease: Lease,
  onSuperseded: (reason: string) => void,
) => TermSidecar;

export interface DutyOptions {
  readonly create: CreateSidecar;
  /** Absent: the sidecar is active from the start. */
  readonly createKeeper?: (events: Pick<LeaseKeeperOptions, 'onTaken' | 'onLost'>) => LeaseKeeper;
  /** Milliseconds since the epoch, of this machine: the epoch of a sidecar without a lease. */
  readonly wallMs: () => number;
  /** Another sidecar is active at the edge, and no lease says which of the two it should be: this one should end. */
  readonly onSuperseded: (reason: string) => void;
}

export class Duty {
  readonly #options: DutyOptions;
  readonly #keeper: LeaseKeeper | undefined;
  #sidecar: TermSidecar;

  constructor(options: DutyOptions) {
    this.#options = options;
    this.#keeper = options.createKeeper?.({
      onTaken: (epoch) => this.#begin(epoch),
      onLost: () => this.#end(),
    });
    this.#sidecar = this.#create(0);
  }

  start(): void {
    if (this.#keeper) this.#keeper.start();
    else this.#begin(this.#options.wallMs());
  }

  /** Stops for good, and lets a standby take over at once: when what is under way of orders is stored, if anything is. */
  async stop(): Promise<void> {
    await this.#sidecar.stop();
    await this.#keeper?.stop();
  }

  status(): SidecarStatus {
    return this.#sidecar.status();
  }

  #create(epoch: number): TermSidecar {
    const superseded = (reason: string) => void this.#onSuperseded(reason);
    return this.#options.create(epoch, this.#keeper ?? NO_LEASE, superseded);
  }

  #begin(epoch: number): void {
    void this.#sidecar.stop();
    this.#sidecar = this.#create(epoch);
    this.#sidecar.start();
  }

  #end(): void {
    void this.#sidecar.stop();
    this.#sidecar = this.#create(0);
  }

  async #onSuperseded(reason: string): Promise<void> {
    if (this.#keeper && !(await this.#keeper.isOursAfterAll())) return;
    this.#options.onSuperseded(reason);
  }
}
