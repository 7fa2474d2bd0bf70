// Time that passes from event to event. What happens at the same moment happens in an order that the seed decides.
import { RandomStream } from '../../../ingest/simulator/core/random.ts';

interface Event {
  readonly atMs: number;
  readonly tie: number;
  readonly run: () => void;
  isCancelled: boolean;
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.tie < b.tie);
}

export class VirtualTime {
  readonly random: RandomStream;
  nowMs = 0;
  /** Some promise was settled: its continuations are to run before time goes on. */
  isTouched = false;
  readonly #heap: Event[] = [];

  constructor(seed: number) {
    this.random = new RandomStream(seed);
  }

  chance(probability: number): boolean {
    return probability > 0 && this.random.unit() < probability;
  }

  /** A whole number in [min, max]. */
  between(min: number, max: number): number {
    return min + Math.floor(this.random.unit() * (max - min + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)] as T;
  }

  at(delayMs: number, run: () => void): { cancel(): void } {
    const event = {
      atMs: this.nowMs + Math.max(0, delayMs),
      tie: this.random.word(),
      run,
      isCancelled: false,
    };
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
    return {
      cancel: () => {
        event.isCancelled = true;
      },
    };
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    const heap = this.#heap;
    for (;;) {
      const [first] = heap;
      const last = heap.pop();
      if (!first || !last) return false;
      if (heap.length > 0) this.#sink(last);
      if (first.isCancelled) continue;
      this.nowMs = first.atMs;
      first.run();
      return true;
    }
  }

  #sink(event: Event): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!isBefore(heap[child] as Event, event)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = event;
  }
}
