// A real sidecar process for tests: started, looked at over its loopback port, paused, and ended by its own id.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { SidecarStatus } from '../../shared/status.ts';

/** The Node that the project brings, whatever runs the tests. */
const NODE = 'node_modules/.bin/node';

export class SidecarProcess {
  readonly #child: ChildProcess;
  readonly #statusUrl: string;
  readonly #said: { text: string };

  private constructor(child: ChildProcess, statusUrl: string, said: { text: string }) {
    this.#child = child;
    this.#statusUrl = statusUrl;
    this.#said = said;
  }

  /** Resolves with its ready line. */
  static async start(environment: Readonly<Record<string, string>>): Promise<SidecarProcess> {
    const child = spawn(NODE, ['ingest/main.ts'], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { text: '' };
    child.stderr.on('data', (chunk: Buffer) => {
      said.text += chunk.toString();
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the sidecar ended before it was ready:\n${said.text}`);
    });
    const line = once(createInterface(child.stdout), 'line').then(([text]) => String(text));
    const ready = JSON.parse(await Promise.race([line, ended])) as { status: string };
    ended.catch(() => undefined);
    return new SidecarProcess(child, ready.status, said);
  }

  /** What it has logged. */
  get log(): string {
    return this.#said.text;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async status(): Promise<SidecarStatus> {
    return (await (await fetch(`${this.#statusUrl}/status`)).json()) as SidecarStatus;
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Ends it with the signal and resolves when it has ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    if (this.hasEnded) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exit;
  }
}
