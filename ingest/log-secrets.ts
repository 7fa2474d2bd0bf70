// What no log may show: the configured keys, and the tokens that come and go with the days.
import { LOG_SECRETS_MAX } from '../shared/limits.ts';

export class LogSecrets implements Iterable<string> {
  readonly #configured: readonly string[];
  readonly #learned = new Set<string>();

  constructor(configured: readonly (string | undefined)[]) {
    this.#configured = configured.filter((secret) => secret !== undefined);
  }

  /** Keeps a secret out from now on. Over the bound the one that was learned first is forgotten: its day is long over. */
  learn(secret: string): void {
    this.#learned.delete(secret);
    this.#learned.add(secret);
    if (this.#learned.size <= LOG_SECRETS_MAX) return;
    for (const oldest of this.#learned) {
      this.#learned.delete(oldest);
      return;
    }
  }

  *[Symbol.iterator](): IterableIterator<string> {
    yield* this.#configured;
    yield* this.#learned;
  }
}
