// Of which instrument each row of a flush is.

const ROWS_AT_START = 256;

export class RowSlots {
  #slots = new Int32Array(ROWS_AT_START);

  set(row: number, slot: number): void {
    if (row >= this.#slots.length) {
      const slots = new Int32Array(2 * (row + 1));
      slots.set(this.#slots);
      this.#slots = slots;
    }
    this.#slots[row] = slot;
  }

  get(row: number): number {
    return this.#slots[row] as number;
  }
}
