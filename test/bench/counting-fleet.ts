// Counting clients in processes of their own, as many as the machine has cores for, and what all of them have had.
import { readFileSync } from 'node:fs';
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

/** File descriptors that a process needs beside those of its clients' sockets. */
const OTHER_FILES = 500;

/** Throws unless a process of this machine may have so many sockets open; Node raises the soft limit by itself. */
export function checkOpenFiles(clients: number): void {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  const needed = clients + OTHER_FILES;
  if (hard === 'unlimited' || Number(hard) >= needed) return;
  throw new Error(
    `${clients} clients need ${needed} open files per process, the limit is ${hard}: run \`ulimit -Hn ${needed}\` as root in the shell first`,
  );
}

const QUIET_MS = 100;
const QUIET_LOOKS_MAX = 300;
/** One core is the server's. */
const PROCESSES_MAX = 4;

export class CountingFleet {
  readonly #processes: readonly CalledProcess[];

  private constructor(count: number) {
    this.#processes = Array.from({ length: count }, () => new CalledProcess('counting-program.ts'));
  }

  /** Opens all connections; none has subscribed yet. */
  static async open(plan: FleetPlan): Promise<CountingFleet> {
    checkOpenFiles(plan.clients.length);
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
    let last: FleetTally | undefined;
    for (let look = 0; look < QUIET_LOOKS_MAX; look++) {
      const tally = await this.tally();
      if (tally.bytes === last?.bytes) return tally;
      last = tally;
      await sleep(QUIET_MS);
    }
    throw new Error(`the clients still receive after ${QUIET_LOOKS_MAX * QUIET_MS} ms`);
  }

  /** Ends the processes, and with them their connections. */
  async stop(): Promise<void> {
    await this.#all((process) => process.stop());
  }

  #all<T>(act: (process: CalledProcess, i: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#processes.map(act));
  }
}
