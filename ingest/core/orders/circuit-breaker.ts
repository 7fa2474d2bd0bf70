// Stops an account's writes while Kite gives no usable answers; a probe that places nothing finds out when it does again.
import {
  ORDER_BREAKER_FAILURES_MAX,
  ORDER_BREAKER_MS_MAX,
  ORDER_BREAKER_MS_MIN,
} from '../../../shared/limits.ts';
import { backoffCeilingMs } from '../backoff.ts';

const RANGE = { minMs: ORDER_BREAKER_MS_MIN, maxMs: ORDER_BREAKER_MS_MAX };

type State =
  | { readonly kind: 'closed'; failures: number }
  | { readonly kind: 'open'; readonly probeAtMs: number; readonly probes: number }
  /** Half open: a probe is under way. */
  | { readonly kind: 'probing'; readonly probes: number };

export class CircuitBreaker {
  #state: State = { kind: 'closed', failures: 0 };

  /** Whether writes may leave. */
  get isClosed(): boolean {
    return this.#state.kind === 'closed';
  }

  /** When a probe is due; Infinity when none is, or one is under way. */
  get probeAtMs(): number {
    return this.#state.kind === 'open' ? this.#state.probeAtMs : Number.POSITIVE_INFINITY;
  }

  /** A write has had an answer that says what became of it. What left before the breaker opened closes it no more than a failure. */
  onSuccess(): void {
    if (this.#state.kind === 'closed') this.#state.failures = 0;
  }

  /** A write has had no answer, or one that says nothing. */
  onFailure(nowMs: number): void {
    if (this.#state.kind !== 'closed') return;
    this.#state.failures++;
    if (this.#state.failures >= ORDER_BREAKER_FAILURES_MAX) this.#open(0, nowMs);
  }

  startProbe(): void {
    if (this.#state.kind === 'open') this.#state = { kind: 'probing', probes: this.#state.probes };
  }

  onProbe(isUp: boolean, nowMs: number): void {
    if (this.#state.kind !== 'probing') return;
    if (isUp) this.#state = { kind: 'closed', failures: 0 };
    else this.#open(this.#state.probes + 1, nowMs);
  }

  #open(probes: number, nowMs: number): void {
    this.#state = { kind: 'open', probes, probeAtMs: nowMs + backoffCeilingMs(probes, RANGE) };
  }
}
