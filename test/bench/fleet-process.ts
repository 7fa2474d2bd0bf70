// A fleet of clients in a process of its own, so that they do not take the time of whoever measures.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ClientFleet, FleetOptions, Timing, Wish } from './client-fleet.ts';

type FleetMethod = Extract<
  keyof ClientFleet,
  'open' | 'subscribe' | 'startTiming' | 'stopTiming' | 'setReading' | 'snapshot' | 'returnAtOnce' | 'close'
>;

export interface FleetCall {
  readonly id: number;
  readonly method: FleetMethod | 'create' | 'figures';
  readonly args: readonly unknown[];
}

export interface FleetAnswer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export interface FleetFigures {
  readonly frames: number;
  readonly skipped: number;
  readonly closeCodes: readonly number[];
  /** CPU time of the process so far. */
  readonly cpuMs: number;
}

export class FleetProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #calls = 0;

  private constructor() {
    this.#child = fork(fileURLToPath(new URL('fleet-program.ts', import.meta.url)));
    this.#child.on('message', ({ id, value, error }: FleetAnswer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the load process ended with ${code}`));
    });
  }

  static async start(options: FleetOptions): Promise<FleetProcess> {
    const fleet = new FleetProcess();
    await fleet.#call('create', options);
    return fleet;
  }

  #call(method: FleetCall['method'], ...args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, method, args } satisfies FleetCall);
    });
  }

  async open(): Promise<void> {
    await this.#call('open');
  }

  async subscribe(wish: Wish): Promise<void> {
    await this.#call('subscribe', wish);
  }

  async startTiming(): Promise<void> {
    await this.#call('startTiming');
  }

  async stopTiming(): Promise<Timing> {
    return (await this.#call('stopTiming')) as Timing;
  }

  async setReading(isReading: boolean): Promise<void> {
    await this.#call('setReading', isReading);
  }

  async snapshot(wish: Wish): Promise<number> {
    return (await this.#call('snapshot', wish)) as number;
  }

  async returnAtOnce(): Promise<{ readonly welcomedMs: number; readonly currentMs: number }> {
    return (await this.#call('returnAtOnce')) as { welcomedMs: number; currentMs: number };
  }

  async figures(): Promise<FleetFigures> {
    return (await this.#call('figures')) as FleetFigures;
  }

  async closeClients(): Promise<void> {
    await this.#call('close');
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
