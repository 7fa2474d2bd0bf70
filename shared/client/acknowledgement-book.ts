// Subscriptions whose instruments have not all been answered yet, and the promises that wait for that.
import type { FinalState } from './events.ts';
import { ClientEndedError } from './events.ts';
import type { RejectedItem } from './message.ts';
import type { Acknowledgement } from './subscription.ts';
import type { Instrument } from './subscription-options.ts';

/** `withdrawn`: given up before there was an answer. */
export type ItemOutcome<Accepted> =
  | { readonly kind: 'accepted'; readonly item: Accepted }
  | { readonly kind: 'rejected'; readonly item: RejectedItem }
  | { readonly kind: 'withdrawn' };

interface Unanswered<Accepted> {
  readonly keys: Set<Instrument>;
  readonly accepted: Accepted[];
  readonly rejected: RejectedItem[];
  resolve(acknowledgement: Acknowledgement<Accepted>): void;
  reject(error: ClientEndedError): void;
}

export class AcknowledgementBook<Accepted> {
  /** By holder; bounded by the subscriptions of the client. */
  readonly #unanswered = new Map<number, Unanswered<Accepted>>();

  open(holder: number, keys: readonly Instrument[]): Promise<Acknowledgement<Accepted>> {
    const promise = new Promise<Acknowledgement<Accepted>>((resolve, reject) => {
      this.#unanswered.set(holder, { keys: new Set(keys), accepted: [], rejected: [], resolve, reject });
    });
    // Most applications never look at it: a rejection must not end a Node process.
    promise.catch(() => undefined);
    return promise;
  }

  /**
   * Writes down what is known by now, of these holders or of all; undefined from `outcomeOf` means that there is no
   * answer yet.
   */
  settle(
    outcomeOf: (holder: number, key: Instrument) => ItemOutcome<Accepted> | undefined,
    holders: Iterable<number> = this.#unanswered.keys(),
  ): void {
    for (const holder of holders) {
      const waiting = this.#unanswered.get(holder);
      if (!waiting) continue;
      for (const key of waiting.keys) {
        const outcome = outcomeOf(holder, key);
        if (!outcome) continue;
        waiting.keys.delete(key);
        if (outcome.kind === 'accepted') waiting.accepted.push(outcome.item);
        if (outcome.kind === 'rejected') waiting.rejected.push(outcome.item);
      }
      if (waiting.keys.size > 0) continue;
      this.#unanswered.delete(holder);
      waiting.resolve({ accepted: waiting.accepted, rejected: waiting.rejected });
    }
  }

  end(state: FinalState): void {
    for (const waiting of this.#unanswered.values()) waiting.reject(new ClientEndedError(state));
    this.#unanswered.clear();
  }
}
