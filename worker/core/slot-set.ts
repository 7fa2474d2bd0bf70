// A set of slots that is filled and emptied many times a second without allocating anything.

const CAPACITY_AT_START = 256;

export class SlotSet {
  /** By slot, 1 for a member. */
  #isIn = new Uint8Array(CAPACITY_AT_START);
  #list = new Int32Array(CAPACITY_AT_START);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(slot: number): boolean {
    return this.#isIn[slot] === 1;
  }

  /** The member at `index` below `size`, in the order in which they came unless one was deleted. */
  at(index: number): number {
    return this.#list[index] as number;
  }

  add(slot: number): void {
    if (this.#isIn[slot] === 1) return;
    if (slot >= this.#isIn.length) this.#isIn = this.#grown(this.#isIn, new Uint8Array(2 * (slot + 1)));
    if (this.#size === this.#list.length)
      this.#list = this.#grown(this.#list, new Int32Array(2 * this.#size));
    this.#isIn[slot] = 1;
    this.#list[this.#size++] = slot;
  }

  delete(slot: number): void {
    if (this.#isIn[slot] !== 1) return;
    this.#isIn[slot] = 0;
    const at = this.#list.indexOf(slot);
    this.#list[at] = this.#list[--this.#size] as number;
  }

  clear(): void {
    for (let i = 0; i < this.#size; i++) this.#isIn[this.#list[i] as number] = 0;
    this.#size = 0;
  }

  #grown<T extends Uint8Array | Int32Array>(from: T, to: T): T {
    to.set(from);
    return to;
  }
}
