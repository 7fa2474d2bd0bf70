// Heartbeats of clients that take silence for the end: the one timer that runs while a gateway has nothing to say.
import { KITE_HEARTBEAT_MS } from '../../shared/limits.ts';
import type { Outlet } from '../core/outlet.ts';
import type { Frame } from '../core/row-format.ts';

/** Runs while there are such clients, also those of before this memory: their gateway is kept awake for them. */
export class Heartbeats {
  readonly #followed = new Map<Outlet, Frame>();
  #timer: ReturnType<typeof setInterval> | undefined;

  follow(outlet: Outlet, heartbeat: Frame): void {
    this.#followed.set(outlet, heartbeat);
    this.#timer ??= setInterval(() => this.#beat(), KITE_HEARTBEAT_MS);
  }

  drop(outlet: Outlet): void {
    if (!this.#followed.delete(outlet) || this.#followed.size > 0) return;
    clearInterval(this.#timer ?? null);
    this.#timer = undefined;
  }

  #beat(): void {
    for (const [outlet, heartbeat] of this.#followed) outlet.keepAlive(heartbeat);
  }
}
