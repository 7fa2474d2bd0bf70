// Runs a task on the instrument list in a thread of its own: nine megabytes of text must not hold up ticks.
import { Worker } from 'node:worker_threads';
import { ThrottledError } from './dump.ts';
import type { InstrumentTask, TaskReply, TaskResults } from './task.ts';

export interface TaskLimits {
  readonly signal: AbortSignal;
  /** Then the thread is ended, whatever it waits for. */
  readonly msMax: number;
}

export type RunTask = <Task extends InstrumentTask>(
  task: Task,
  limits: TaskLimits,
) => Promise<TaskResults[Task['kind']]>;

const PROGRAM = new URL('./thread-program.ts', import.meta.url);

/**
 * What comes of the task. Rejects with what was wrong (ThrottledError for a 429), after `msMax`, or when `signal`
 * aborts; the thread is gone by then in any case. It also keeps the process alive: a connection that breaks within a
 * transaction has the `postgres` package throw where nobody can catch it (porsager/postgres#1208).
 */
export const runTask: RunTask = async <Task extends InstrumentTask>(
  task: Task,
  { signal, msMax }: TaskLimits,
) => {
  signal.throwIfAborted();
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(msMax)]);
  // Without the process's own flags: what is preloaded there is about the process, such as its standard input.
  const worker = new Worker(PROGRAM, { workerData: task, execArgv: [] });
  try {
    const reply = await new Promise<TaskReply<Task['kind']>>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', (cause) =>
        reject(new Error(`${task.kind} broke off, as when a connection is cut`, { cause })),
      );
      worker.once('exit', (code) => reject(new Error(`${task.kind} ended with code ${code}`)));
      deadline.addEventListener('abort', () => reject(deadline.reason), { once: true });
    });
    if (reply.kind === 'done') return reply.result;
    const { message, retryAfterMs } = reply;
    throw retryAfterMs === undefined ? new Error(message) : new ThrottledError(message, retryAfterMs);
  } finally {
    void worker.terminate();
  }
};
