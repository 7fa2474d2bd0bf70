// Bars that wait to be sent: every closed one up to a bound, and of open ones the newest.
export class BarQueue<Item> {
  readonly #closedMax: number;
  #closed: { readonly key: number; readonly item: Item }[] = [];
  readonly #live = new Map<number, Item>();

  /** Over `closedMax` closed bars the oldest is given up. */
  constructor(closedMax: number) {
    this.#closedMax = closedMax;
  }

  get size(): number {
    return this.#closed.length + this.#live.size;
  }

  /** `key` names the instrument and interval: bars of one key are added in their order. */
  add(key: number, item: Item, isClosed: boolean): void {
    if (!isClosed) {
      this.#live.set(key, item);
      return;
    }
    this.#live.delete(key);
    this.#closed.push({ key, item });
    if (this.#closed.length > this.#closedMax) this.#closed.shift();
  }

  /** The next bar to be sent: closed ones first, so that nothing of a key overtakes what was before it. */
  takeNext(): Item | undefined {
    const closed = this.#closed.shift();
    if (closed) return closed.item;
    for (const [key, item] of this.#live) {
      this.#live.delete(key);
      return item;
    }
    return undefined;
  }

  takeAll(): Item[] {
    const all = [...this.#closed.map(({ item }) => item), ...this.#live.values()];
    this.clear();
    return all;
  }

  remove(key: number): void {
    this.#closed = this.#closed.filter((waiting) => waiting.key !== key);
    this.#live.delete(key);
  }

  clear(): void {
    this.#closed = [];
    this.#live.clear();
  }
}
