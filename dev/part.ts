// One supervised child process: started, awaited until ready, restarted when it dies, stopped.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  LAST_LINES_MAX,
  PART_READY_MS_MAX,
  PART_RESTART_MS_MAX,
  PART_RESTART_MS_MIN,
  PART_RESTART_WINDOW_MS,
  PART_RESTARTS_MAX,
  PART_STOP_MS_MAX,
} from './limits.ts';
import { readLines } from './log-lines.ts';
import { processName, signalProcess } from './process-table.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ORPHAN_GUARD = new URL('./orphan-guard.ts', import.meta.url).href;

export interface PartSpec {
  readonly name: string;
  /** A program of ours with its arguments: run by this Node. It prints `{"ready":true,...}` once it serves. */
  readonly program: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What a part said in its latest ready line; `pid` where the process that serves is not the child itself. */
export type ReadyLine = Readonly<Record<string, unknown>>;

export interface PartEvents {
  onLine(line: string): void;
  /** The part serves, for the first time or again. */
  onReady(ready: ReadyLine): void;
  /** It died too often: nobody restarts it any more. */
  onGivenUp(reason: string): void;
}

function parseReadyLine(line: string): ReadyLine | undefined {
  if (!line.startsWith('{"ready":true')) return undefined;
  try {
    return JSON.parse(line) as ReadyLine;
  } catch {
    // It only looked like one: shown as any other line.
    return undefined;
  }
}

/** How long a part may take, and how often and how soon one that died is started again. */
export interface PartPolicy {
  readonly readyMsMax: number;
  /** From SIGTERM to SIGKILL. */
  readonly stopMsMax: number;
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Deaths inside the window that are still answered by a restart. */
  readonly deathsMax: number;
  readonly windowMs: number;
}

const PART_POLICY: PartPolicy = {
  readyMsMax: PART_READY_MS_MAX,
  stopMsMax: PART_STOP_MS_MAX,
  delayMsMin: PART_RESTART_MS_MIN,
  delayMsMax: PART_RESTART_MS_MAX,
  deathsMax: PART_RESTARTS_MAX,
  windowMs: PART_RESTART_WINDOW_MS,
};

/** Wait before the restart after so many deaths in the window: doubles from the first bound to the second. */
export function restartDelayMs(
  deaths: number,
  policy: Pick<PartPolicy, 'delayMsMin' | 'delayMsMax'> = PART_POLICY,
): number {
  return Math.min(policy.delayMsMax, policy.delayMsMin * 2 ** Math.max(0, deaths - 1));
}

export class Part {
  readonly name: string;
  readonly #spec: PartSpec;
  readonly #events: PartEvents;
  readonly #policy: PartPolicy;
  #child: ChildProcess | undefined;
  #servingPid: number | undefined;
  #stopping = false;
  #deathsAtMs: number[] = [];
  #lastLines: string[] = [];
  #restarting: Promise<void> | undefined;

  constructor(spec: PartSpec, events: PartEvents, policy: Partial<PartPolicy> = {}) {
    this.name = spec.name;
    this.#spec = spec;
    this.#events = events;
    this.#policy = { ...PART_POLICY, ...policy };
  }

  /** Id of the process that does the work: workerd or PostgreSQL itself, not the Node process that minds it. */
  get pid(): number | undefined {
    return this.#servingPid;
  }

  /** Starts the child and resolves with its first ready line. Throws with its last lines if it ends before that. */
  async start(): Promise<ReadyLine> {
    this.#stopping = false;
    this.#lastLines = [];
    const child = spawn(process.execPath, ['--import', ORPHAN_GUARD, ...this.#spec.program], {
      cwd: ROOT,
      env: { ...process.env, ...this.#spec.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C in the terminal reaches the runner alone, which then stops the parts in order.
      detached: true,
    });
    this.#child = child;
    // Writing to a dead child is not done here, but the pipe itself may report that it broke.
    child.stdin.on('error', () => undefined);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => child.kill('SIGKILL'), this.#policy.readyMsMax);
      let isReady = false;
      const onLine = (line: string) => {
        const ready = parseReadyLine(line);
        if (!ready) return this.#show(line);
        this.#servingPid = typeof ready.pid === 'number' ? ready.pid : child.pid;
        clearTimeout(late);
        isReady = true;
        this.#events.onReady(ready);
        resolve(ready);
      };
      readLines(child.stdout, onLine);
      readLines(child.stderr, (line) => this.#show(line));
      child.once('error', reject);
      child.once('close', (code, signal) => {
        clearTimeout(late);
        this.#clearLeftOver(child.pid);
        const how = signal ?? `exit ${code}`;
        if (!isReady)
          reject(new Error(`${this.name} ended before it was ready (${how})\n${this.#lastLines.join('\n')}`));
        else if (!this.#stopping) this.#restart(how);
      });
    });
  }

  #show(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > LAST_LINES_MAX) this.#lastLines.shift();
    this.#events.onLine(line);
  }

  /** A child that was killed outright leaves its own child, which holds the port: that one must go first. */
  #clearLeftOver(childPid: number | undefined): void {
    const pid = this.#servingPid;
    this.#servingPid = undefined;
    if (pid === undefined || pid === childPid) return;
    // PostgreSQL is not killed: the next start shuts it down in order.
    if (processName(pid) === 'workerd') signalProcess(pid, 'SIGKILL');
  }

  #restart(how: string): void {
    const { windowMs, deathsMax } = this.#policy;
    const nowMs = Date.now();
    this.#deathsAtMs = this.#deathsAtMs.filter((atMs) => nowMs - atMs < windowMs);
    this.#deathsAtMs.push(nowMs);
    const deaths = this.#deathsAtMs.length;
    if (deaths > deathsMax) {
      this.#events.onGivenUp(`${this.name} ended ${deaths} times in ${windowMs / 1000} s, last: ${how}`);
      return;
    }
    const delayMs = restartDelayMs(deaths, this.#policy);
    this.#show(`ended (${how}), starting again in ${delayMs} ms`);
    this.#restarting = sleep(delayMs).then(async () => {
      if (this.#stopping) return;
      try {
        await this.start();
      } catch (error) {
        this.#show(error instanceof Error ? error.message : String(error));
        if (!this.#stopping) this.#restart('failed start');
      }
    });
  }

  /** SIGTERM, then SIGKILL when it takes too long. Resolves when the child has ended; a second call is no error. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const late = setTimeout(() => child.kill('SIGKILL'), this.#policy.stopMsMax);
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    await closed;
    clearTimeout(late);
  }

  /** Kills the process that serves, as a crash would; the part comes back by itself. Returns the id that was killed. */
  kill(): number {
    const pid = this.#servingPid;
    if (pid === undefined || !signalProcess(pid, 'SIGKILL')) throw new Error(`${this.name} is not running`);
    return pid;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.#restarting;
    await this.start();
  }
}
