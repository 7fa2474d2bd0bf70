// Who holds a lease, as far as the operating system can tell: this process, and whether another one still runs.
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import type { LeaseHolder } from './store/sidecar-lease.ts';

/** The boot of the machine and the namespace of process ids: containers have their own. Linux only. */
function readMachine(): string | undefined {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // Elsewhere nobody can tell that a holder is gone: a restart after a crash waits for the lease to end.
    return undefined;
  }
}

/** This run of this process. */
export function currentHolder(): LeaseHolder {
  return { id: randomUUID(), machine: readMachine(), processId: process.pid };
}

/**
 * Whether the holder's process has ended: true only when that is certain. A process id that somebody else has by now
 * counts as alive, its lease ends by itself.
 */
export function isHolderGone(holder: LeaseHolder, self: LeaseHolder): boolean {
  if (holder.machine === undefined || holder.machine !== self.machine || holder.processId <= 0) return false;
  if (holder.processId === self.processId) return holder.id !== self.id;
  try {
    process.kill(holder.processId, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
