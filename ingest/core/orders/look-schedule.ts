// When Kite's book is looked at for a task, and when it has been looked at for long enough. A look that failed is none.
import {
  ORDER_LATE_LOOK_INTERVAL_MS,
  ORDER_LOOK_INTERVAL_MS,
  ORDER_LOOK_OFFSETS_MS,
  ORDER_LOOKED_MS_MIN,
} from '../../../shared/limits.ts';

/** `search`: often at first, then each minute. `watch`: each minute. `late`: now and then. `release`: as soon as it may be, then as `search`. */
export type LookPurpose = 'search' | 'watch' | 'late' | 'release';

interface Wait {
  readonly purpose: LookPurpose;
  readonly sinceMs: number;
  triedAtMs: number;
  /** The first look that succeeded without a finding. */
  firstLookAtMs: number | undefined;
}

function searchAtMs({ sinceMs, triedAtMs }: Wait): number {
  const offsetMs = ORDER_LOOK_OFFSETS_MS.find((ms) => sinceMs + ms > triedAtMs);
  return offsetMs === undefined ? triedAtMs + ORDER_LOOK_INTERVAL_MS : sinceMs + offsetMs;
}

function dueAtMs(wait: Wait): number {
  const { purpose, sinceMs, triedAtMs } = wait;
  switch (purpose) {
    case 'watch':
      return Math.max(sinceMs, triedAtMs) + ORDER_LOOK_INTERVAL_MS;
    case 'late':
      return Math.max(sinceMs, triedAtMs) + ORDER_LATE_LOOK_INTERVAL_MS;
    case 'release':
      // What the first look does not release is searched for.
      return triedAtMs < sinceMs ? sinceMs : searchAtMs(wait);
    case 'search':
      return searchAtMs(wait);
  }
}

/** Of one account. Times are of a clock that does not go back; a look counts from when it was started. */
export class LookSchedule {
  readonly #waits = new Map<string, Wait>();

  /** The task waits for looks from `sinceMs` on. One that waits for the same purpose goes on as it was. */
  await(taskId: string, purpose: LookPurpose, sinceMs: number): void {
    if (this.#waits.get(taskId)?.purpose === purpose) return;
    this.#waits.set(taskId, {
      purpose,
      sinceMs,
      triedAtMs: Number.NEGATIVE_INFINITY,
      firstLookAtMs: undefined,
    });
  }

  taskIds(): readonly string[] {
    return [...this.#waits.keys()];
  }

  forget(taskId: string): void {
    this.#waits.delete(taskId);
  }

  /** When the next look is due; Infinity without a task that waits. */
  dueAtMs(): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const wait of this.#waits.values()) earliestMs = Math.min(earliestMs, dueAtMs(wait));
    return earliestMs;
  }

  /** A look is started. */
  onTried(nowMs: number): void {
    for (const wait of this.#waits.values()) wait.triedAtMs = nowMs;
  }

  /** A look that was started then has found nothing for the task. Whether that was the last one: it need not be looked for any more. */
  onNotFound(taskId: string, startedAtMs: number): boolean {
    const wait = this.#waits.get(taskId);
    if (!wait || startedAtMs < wait.sinceMs) return false;
    if (wait.purpose === 'release') return true;
    wait.firstLookAtMs ??= startedAtMs;
    return startedAtMs - wait.firstLookAtMs >= ORDER_LOOKED_MS_MIN;
  }

  /** A look has found it, and there is more to wait for: what was not found before counts no more. */
  onFound(taskId: string): void {
    const wait = this.#waits.get(taskId);
    if (wait) wait.firstLookAtMs = undefined;
  }
}
