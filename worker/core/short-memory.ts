// Values by key that are remembered for a while, so many of them at most.

interface Entry<Value> {
  readonly value: Value;
  readonly untilMs: number;
}

export class ShortMemory<Value> {
  readonly #sizeMax: number;
  readonly #keepMs: number;
  /** In the order of remembering: the first to be forgotten is the oldest. */
  readonly #entries = new Map<string, Entry<Value>>();

  constructor(sizeMax: number, keepMs: number) {
    this.#sizeMax = sizeMax;
    this.#keepMs = keepMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Undefined for what was never told, is too old, or had to make room. */
  get(key: string, nowMs: number): Value | undefined {
    const entry = this.#entries.get(key);
    return entry && nowMs < entry.untilMs ? entry.value : undefined;
  }

  set(key: string, value: Value, nowMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: nowMs + this.#keepMs });
    if (this.#entries.size <= this.#sizeMax) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
