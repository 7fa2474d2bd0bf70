// After a frame that could not be read: the server is asked to start its rows anew, until it has.
import { CLIENT_SDK_RESTART_MS } from '../limits.ts';
import type { CommandFields } from './stream-kind.ts';
import type { Synced } from './sync-loop.ts';

export class RestartRequest implements Synced {
  /** Nothing names this request in an answer: the next restart is it. */
  readonly openRequestsCount = 0;
  readonly #onChanged: () => void;
  /** Not sent yet: a restart that comes before has other reasons, and need not have every instrument. */
  #isDue = false;
  /** Sent, and no restart has come since. */
  #isOpen = false;
  #sentAtMs = -Infinity;

  constructor(onChanged: () => void) {
    this.#onChanged = onChanged;
  }

  /** A frame could not be read. */
  want(): void {
    this.#isDue = true;
    this.#onChanged();
  }

  /** A restart has come. */
  answer(): void {
    this.#isOpen = false;
  }

  /** The connection is a new one. */
  begin(): void {
    this.#isDue = false;
    this.#isOpen = false;
    this.#sentAtMs = -Infinity;
  }

  expire(): number {
    return 0;
  }

  /** However often frames cannot be read: a restart is every value of the connection. */
  plan(nowMs: number): readonly CommandFields[] {
    const isToSend = this.#isDue || this.#isOpen;
    if (!isToSend || nowMs < this.#sentAtMs + CLIENT_SDK_RESTART_MS) return [];
    this.#isDue = false;
    this.#isOpen = true;
    this.#sentAtMs = nowMs;
    return [{ action: 'restart' }];
  }

  nextDueMs(): number | undefined {
    return this.#isDue || this.#isOpen ? this.#sentAtMs + CLIENT_SDK_RESTART_MS : undefined;
  }
}
