// Listeners by event: typed, bounded, and never able to break the one who calls them.
import { AppError } from '../errors.ts';
import { CLIENT_SDK_LISTENERS_MAX } from '../limits.ts';
import type { ClientError, ClientEvents } from './events.ts';

type Listener<Name extends keyof ClientEvents> = (event: ClientEvents[Name]) => void;
type ListenerTable = { readonly [Name in keyof ClientEvents]: Set<Listener<Name>> };

export class Listeners {
  readonly #byEvent: ListenerTable = {
    tick: new Set(),
    bar: new Set(),
    gap: new Set(),
    chain: new Set(),
    chainMembers: new Set(),
    order: new Set(),
    ordersMissed: new Set(),
    feed: new Set(),
    lag: new Set(),
    recovered: new Set(),
    rejected: new Set(),
    state: new Set(),
    error: new Set(),
    goaway: new Set(),
    expiring: new Set(),
    renewed: new Set(),
  };

  /** Throws AppError `invalid_parameter` for an unknown event, `subscription_limit` over the bound. */
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<Name>): () => void {
    if (!Object.hasOwn(this.#byEvent, name)) {
      const names = Object.keys(this.#byEvent).join(', ');
      throw new AppError('invalid_parameter', `event must be one of ${names}, got ${String(name)}`);
    }
    const listeners = this.#byEvent[name];
    if (listeners.size >= CLIENT_SDK_LISTENERS_MAX) {
      throw new AppError('subscription_limit', `at most ${CLIENT_SDK_LISTENERS_MAX} listeners of ${name}`);
    }
    // One set entry per call: the same function given twice is called twice and taken off one by one.
    const entry: Listener<Name> = (event) => listener(event);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  has(name: keyof ClientEvents): boolean {
    return this.#byEvent[name].size > 0;
  }

  emit<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void {
    for (const listener of this.#byEvent[name]) {
      try {
        listener(event);
      } catch (cause) {
        this.#report(name, cause);
      }
    }
  }

  clear(): void {
    for (const listeners of Object.values(this.#byEvent)) listeners.clear();
  }

  /** To the listeners of errors; to the console where there is none or it is one of them that threw. */
  #report(name: keyof ClientEvents, cause: unknown): void {
    const error: ClientError = { kind: 'listener', message: `a listener of ${name} threw`, cause };
    if (name === 'error' || this.#byEvent.error.size === 0) console.error(error.message, cause);
    else this.emit('error', error);
  }
}
