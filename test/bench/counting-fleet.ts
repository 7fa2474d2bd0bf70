// Counting clients in processes of their own, as many as the machine has cores for, and what all of them have had.
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { CalledProcess } from './process-calls.ts';
import type { FormatName } from './stream-format.ts';

export interface CountingClientPlan {
  readonly token: string;
  readonly tokens: readonly number[];
}

export interface FleetPlan {
  readonly format: FormatName;
  readonly host: string;
  readonly port: number;
  readonly clients: readonly CountingClientPlan[];
}

/** Sums over the clients, and the least and most frames that one has had. */
export interface FleetTally {
  readonly frames: number;
  readonly bytes: number;
  readonly ticks: number;
  readonly gaps: number;
  readonly complaints: number;
  readonly framesLeast: number;
  /** Connections that ended, and why the first did. */
  readonly failures: number;
  readonly failure?: string;
  readonly cpuMs: number;
}

const LOOK_MS = 100;
/** A busy server may send nothing for a moment. */
const LOOKS_QUIET = 4;
const LOOKS_MAX = 600;
/** One core is the server's. */
const PROCESSES_MAX = 4;

export class CountingFleet {
  readonly #processes: readonly CalledProcess[];

  private constructor(count: number) {
    this.#processes = Array.from({ length: count }, () => new CalledProcess('counting-program.ts'));
  }

  /** Opens all connections; none has subscribed yet. */
  static async open(plan: FleetPlan): Promise<CountingFleet> {
    const count = Math.max(1, Math.min(PROCESSES_MAX, availableParallelism() - 1));
    const fleet = new CountingFleet(count);
    try {
      await fleet.#all((process, i) => {
        const clients = plan.clients.filter((_, client) => client % count === i);
        return process.call('open', { ...plan, clients } satisfies FleetPlan);
      });
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  /** Resolves when every subscription is known to have been taken. */
  async subscribe(): Promise<void> {
    await this.#all((process) => process.call('subscribe'));
  }

  async tally(): Promise<FleetTally> {
    const tallies = (await this.#all((process) => process.call('tally'))) as FleetTally[];
    const sum = (field: Exclude<keyof FleetTally, 'failure'>) =>
      tallies.reduce((total, tally) => total + tally[field], 0);
    const failure = tallies.find((tally) => tally.failure !== undefined)?.failure;
    return {
      frames: sum('frames'),
      bytes: sum('bytes'),
      ticks: sum('ticks'),
      gaps: sum('gaps'),
      complaints: sum('complaints'),
      framesLeast: Math.min(...tallies.map(({ framesLeast }) => framesLeast)),
      failures: sum('failures'),
      cpuMs: sum('cpuMs'),
      ...(failure === undefined ? {} : { failure }),
    };
  }

  /** The tally once nothing comes any more. */
  async quiet(): Promise<FleetTally> {
    let last = await this.tally();
    let looksQuiet = 0;
    for (let look = 0; look < LOOKS_MAX; look++) {
      await sleep(LOOK_MS);
      const tally = await this.tally();
      looksQuiet = tally.bytes === last.bytes ? looksQuiet + 1 : 0;
      if (looksQuiet === LOOKS_QUIET) return tally;
      last = tally;
    }
    throw new Error(`the clients still receive after ${LOOKS_MAX * LOOK_MS} ms`);
  }

  /** Ends the processes, and with them their connections. */
  async stop(): Promise<void> {
    await this.#all((process) => process.stop());
  }

  #all<T>(act: (process: CalledProcess, i: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#processes.map(act));
  }
}
