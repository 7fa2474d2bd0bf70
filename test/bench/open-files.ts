// Room for many sockets: the limit on a process's open files, raised for this process and all that it starts.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** workerd keeps two descriptors for each of its sockets. */
const FILES_PER_CLIENT = 2;
const OTHER_FILES = 1_000;

/** Node has raised its soft limit to the hard one when it started. */
function openFilesMax(): number {
  const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

/** Sets both limits of this process; the hard one goes up for a privileged user only. */
function setLimit(files: number): boolean {
  try {
    execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${files}:${files}`], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

/**
 * How many of so many clients a server that is started after this can take: all of them, or as many thousands as the
 * limit leaves room for where it cannot be raised, which is said aloud. Throws when that is not even one.
 */
export function clientsAllowed(clients: number): number {
  const needed = clients * FILES_PER_CLIENT + OTHER_FILES;
  const limit = openFilesMax();
  if (limit >= needed || setLimit(needed)) return clients;
  const allowed = Math.floor((limit - OTHER_FILES) / FILES_PER_CLIENT / 1_000) * 1_000;
  const reason = `${clients} clients need ${needed} open files, the limit is ${limit}: run \`ulimit -n ${needed}\` first`;
  if (allowed <= 0) throw new Error(reason);
  console.warn(`${reason}; measured with ${allowed}`);
  return allowed;
}
