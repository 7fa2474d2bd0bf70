// Requests that wait for the sidecar's answer: bounded, each under an id that no earlier life of the object has given.
import { assert } from '../../shared/errors.ts';
import { CONTROL_REQUESTS_MAX } from '../../shared/limits.ts';

/** `Waiting` is whatever the shell needs to tell the one who waits. */
export class PendingRequests<Waiting> {
  readonly #prefix: string;
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  /** `prefix` is unique to this memory: an answer to a request of before a reset must not be taken for one of now. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** As many wait as may. */
  get isFull(): boolean {
    return this.#waiting.size >= CONTROL_REQUESTS_MAX;
  }

  /** The id of a new request; not while this is full. */
  open(waiting: Waiting): string {
    assert(!this.isFull, 'more requests wait for the sidecar than may');
    const id = `${this.#prefix}:${++this.#count}`;
    this.#waiting.set(id, waiting);
    return id;
  }

  /** Ends a request; undefined when nobody waits for it (any more). */
  close(id: string): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  /** Ends all of them. */
  closeAll(): Waiting[] {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    return all;
  }
}
