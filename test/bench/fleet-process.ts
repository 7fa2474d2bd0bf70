// A fleet of clients in a process of its own, so that they do not take the time of whoever measures.
import type { ClientFleet, FleetOptions, Timing, Wish } from './client-fleet.ts';
import { CalledProcess } from './process-calls.ts';

export type FleetMethod = Extract<
  keyof ClientFleet,
  'open' | 'subscribe' | 'startTiming' | 'stopTiming' | 'setReading' | 'snapshot' | 'returnAtOnce' | 'close'
>;

export interface FleetFigures {
  readonly frames: number;
  readonly skipped: number;
  readonly closeCodes: readonly number[];
  /** CPU time of the process so far. */
  readonly cpuMs: number;
}

export class FleetProcess {
  readonly #process = new CalledProcess('fleet-program.ts');

  static async start(options: FleetOptions): Promise<FleetProcess> {
    const fleet = new FleetProcess();
    await fleet.#process.call('create', options);
    return fleet;
  }

  #call(method: FleetMethod, ...args: readonly unknown[]): Promise<unknown> {
    return this.#process.call(method, ...args);
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
    return (await this.#process.call('figures')) as FleetFigures;
  }

  async closeClients(): Promise<void> {
    await this.#call('close');
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}
