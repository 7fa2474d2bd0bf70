// Calls from a bench to a program of its own process, one reply each: both ends.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export class CalledProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #calls = 0;

  /** Forks a program of this folder, which has to `answerCalls`. */
  constructor(program: string) {
    this.#child = fork(fileURLToPath(new URL(program, import.meta.url)));
    this.#child.on('message', ({ id, value, error }: Reply) => {
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

  /** What the program answers; rejects when that is an error, or the program ends. */
  call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, method, args } satisfies Call, (error) => {
        if (error) reject(error);
      });
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await ended;
  }
}

/** CPU time of this process so far, in ms. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The program's end: carries out the calls of whoever forked it, and ends with it. */
export function answerCalls(carryOut: (method: string, args: readonly unknown[]) => unknown): void {
  process.on('message', ({ id, method, args }: Call) => {
    Promise.resolve()
      .then(() => carryOut(method, args))
      .then(
        (value) => process.send?.({ id, value } satisfies Reply),
        (error: unknown) => process.send?.({ id, error: String(error) } satisfies Reply),
      );
  });
  // Without its parent it would hold its sockets for ever.
  process.on('disconnect', () => process.exit(0));
}
