// Questions to the operating system about processes: who is alive, what is it called, who are its children.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

interface ProcessRow {
  readonly pid: number;
  readonly parentPid: number;
  readonly name: string;
}

/** One process from /proc, or undefined when it ended while we looked. */
function readProc(pid: number): ProcessRow | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // pid (name) state ppid ...: the name may itself hold spaces and brackets. A zombie (Z) has ended already.
  const match = /^\d+ \((.*)\) (\S) (\d+) /s.exec(stat);
  if (!match?.[1] || match[2] === 'Z') return undefined;
  return { pid, parentPid: Number(match[3]), name: match[1] };
}

function listProcesses(): ProcessRow[] {
  if (process.platform === 'linux') {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map((entry) => readProc(Number(entry)))
      .filter((row) => row !== undefined);
  }
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' });
  return table.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.+)$/.exec(line);
    return match?.[3]
      ? [{ pid: Number(match[1]), parentPid: Number(match[2]), name: basename(match[3]) }]
      : [];
  });
}

/** Name of the program that runs as `pid`, undefined when nothing does. */
export function processName(pid: number): string | undefined {
  if (process.platform === 'linux') return readProc(pid)?.name;
  return listProcesses().find((row) => row.pid === pid)?.name;
}

/** Ids of the direct children of `parentPid` that run the program `name`. */
export function childPids(parentPid: number, name: string): number[] {
  return listProcesses()
    .filter((row) => row.parentPid === parentPid && row.name === name)
    .map((row) => row.pid);
}

/** Sends a signal; a process that has ended already is no error. Returns whether it was there. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
