// Waiting for a condition: as long as a busy machine may need, and not a moment longer.
import { vi } from 'vitest';

const WAIT_MS_MAX = 20_000;
vi.setConfig({ testTimeout: WAIT_MS_MAX + 5_000 });

/** Repeats `check` until it does not throw; rejects with its last error after WAIT_MS_MAX. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: WAIT_MS_MAX, interval: 5 });
}
