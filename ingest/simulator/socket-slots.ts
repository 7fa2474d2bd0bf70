// Places for sockets of each api_key: so many at a time, and one that was left may stay taken for a while.

export class SocketSlots {
  readonly #perKeyMax: number;
  readonly #monotonicMs: () => number;
  readonly #open = new Map<string, number>();
  /** When the places of closed sockets become free; forgotten by then, or by the next look. */
  readonly #lingering = new Map<string, number[]>();

  constructor(perKeyMax: number, monotonicMs: () => number) {
    this.#perKeyMax = perKeyMax;
    this.#monotonicMs = monotonicMs;
  }

  isFree(apiKey: string): boolean {
    const nowMs = this.#monotonicMs();
    const lingering = (this.#lingering.get(apiKey) ?? []).filter((freeAtMs) => freeAtMs > nowMs);
    this.#lingering.set(apiKey, lingering);
    return (this.#open.get(apiKey) ?? 0) + lingering.length < this.#perKeyMax;
  }

  take(apiKey: string): void {
    this.#open.set(apiKey, (this.#open.get(apiKey) ?? 0) + 1);
  }

  release(apiKey: string, lingerMs: number): void {
    this.#open.set(apiKey, (this.#open.get(apiKey) ?? 1) - 1);
    if (lingerMs <= 0) return;
    const lingering = this.#lingering.get(apiKey) ?? [];
    this.#lingering.set(apiKey, [...lingering, this.#monotonicMs() + lingerMs]);
  }
}
