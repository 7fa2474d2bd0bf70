// The tasks at hand by what they are looked up by: id, tag, and the order that they are of.
import { isOverState } from '../../../shared/order.ts';
import type { OrderTask } from './task.ts';

export class TaskIndex {
  readonly #tasks = new Map<string, OrderTask>();
  readonly #idByTag = new Map<string, string>();
  readonly #placeIdByOrder = new Map<string, string>();
  /** Modify and cancel tasks that are not over. */
  readonly #writeIdsByOrder = new Map<string, Set<string>>();

  /** The task as it is now. */
  set(task: OrderTask): void {
    this.#tasks.set(task.id, task);
    const { id, tag, orderId } = task;
    if (tag !== null) this.#idByTag.set(tag, id);
    if (orderId === null) return;
    const key = `${task.accountId}/${orderId}`;
    if (task.kind === 'place') {
      this.#placeIdByOrder.set(key, id);
      return;
    }
    const ids = this.#writeIdsByOrder.get(key) ?? new Set();
    if (isOverState(task.state)) {
      // A modify or cancel task that is over is never heard of again.
      this.#tasks.delete(id);
      ids.delete(id);
    } else ids.add(id);
    if (ids.size > 0) this.#writeIdsByOrder.set(key, ids);
    else this.#writeIdsByOrder.delete(key);
  }

  get(taskId: string): OrderTask | undefined {
    return this.#tasks.get(taskId);
  }

  all(): readonly OrderTask[] {
    return [...this.#tasks.values()];
  }

  placeOfTag(tags: readonly string[]): OrderTask | undefined {
    for (const tag of tags) {
      const id = this.#idByTag.get(tag);
      if (id !== undefined) return this.#tasks.get(id);
    }
    return undefined;
  }

  /** `key`: account and order id, with a slash between. */
  placeOfOrder(key: string): OrderTask | undefined {
    const id = this.#placeIdByOrder.get(key);
    return id === undefined ? undefined : this.#tasks.get(id);
  }

  writesOfOrder(key: string): readonly OrderTask[] {
    const ids = this.#writeIdsByOrder.get(key) ?? [];
    return [...ids].flatMap((id) => this.#tasks.get(id) ?? []);
  }
}
