// Something that others keep and the sidecar follows: Kite accounts, pinned subscriptions.

/** Handed over whole, because who gets it cannot know what was missed. */
export interface Source<T> {
  /** Calls `onValue` with what there is, at once if it is known already, and again at each change until `stop`. */
  start(onValue: (value: T) => void): void;
  /** Looks again now: somebody says that it has changed. */
  readNow(): void;
  stop(): void;
}

/** A source that never changes. */
export function constantSource<T>(value: T): Source<T> {
  return { start: (onValue) => onValue(value), readNow: () => undefined, stop: () => undefined };
}
