// After a frame that could not be read: the server is asked to start its rows anew, until it has.
import { CLIENT_SDK_RESTART_MS } from '../limits.ts';
import type { CommandFields } from './stream-kind.ts';
import type { Synced } from './sync-loop.ts';

export class RestartRequest implements Synced {
  /** Nothing names this request in an answer: the next restart is it. */
  readonly openRequestsCount = 0;
  readonly #onChanged: () => void;
  #isWanted = false;
  #sentAtMs = -Infinity;

  constructor(onChanged: () => void) {
    this.#onChanged = onChanged;
  }

  /** A frame could not be read, and no restart has come since. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  want(): void {
    this.#isWanted = true;
    this.#onChanged();
  }

  /** A restart has come. */
  answer(): void {
    this.#isWanted = false;
  }

  /** The connection is a new one. */
  begin(): void {
    this.#isWanted = false;
    this.#sentAtMs = -Infinity;
  }

  expire(): number {
    return 0;
  }

  /** However often frames cannot be read: a restart is every value of the connection. */
  plan(nowMs: number): readonly CommandFields[] {
    if (!this.#isWanted || nowMs < this.#sentAtMs + CLIENT_SDK_RESTART_MS) return [];
    this.#sentAtMs = nowMs;
    return [{ action: 'restart' }];
  }

  nextDueMs(): number | undefined {
    return this.#isWanted ? this.#sentAtMs + CLIENT_SDK_RESTART_MS : undefined;
  }
}
