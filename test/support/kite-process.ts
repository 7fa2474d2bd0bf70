// A client of Kite's protocol in a process of its own, which tells what happens as lines of JSON.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { KiteTick } from './kite-truth.ts';

export interface KiteProcessSettings {
  readonly root: string;
  readonly access_token: string;
  readonly quote: readonly number[];
  readonly full: readonly number[];
  readonly ltp: readonly number[];
}

export interface KiteProcessEvent {
  readonly event: string;
  readonly data?: unknown;
}

const PYTHON_PATH = '/usr/bin/python3';

export class KiteProcess {
  readonly events: KiteProcessEvent[] = [];
  /** What it said of its own trouble. */
  stderr = '';
  readonly #child: ChildProcess;

  constructor(client: 'javascript' | 'python', settings: KiteProcessSettings) {
    const file = client === 'python' ? 'kite-ticker-rules.py' : 'kite-ticker-program.mjs';
    const command = client === 'python' ? PYTHON_PATH : process.execPath;
    const path = fileURLToPath(new URL(file, import.meta.url));
    const child = spawn(command, [path, JSON.stringify(settings)], { stdio: ['ignore', 'pipe', 'pipe'] });
    createInterface({ input: child.stdout }).on('line', (line) =>
      this.events.push(JSON.parse(line) as KiteProcessEvent),
    );
    child.stderr.on('data', (chunk) => {
      this.stderr += String(chunk);
    });
    this.#child = child;
  }

  /** Undefined while it runs. */
  get exitCode(): number | undefined {
    return this.#child.exitCode ?? undefined;
  }

  count(event: string): number {
    return this.events.filter((each) => each.event === event).length;
  }

  /** All ticks from this event on. */
  ticks(from = 0): KiteTick[] {
    return this.events
      .slice(from)
      .flatMap(({ event, data }) => (event === 'ticks' ? (data as KiteTick[]) : []));
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
