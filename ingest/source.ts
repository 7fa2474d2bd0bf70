// Something that others keep and the sidecar follows: Kite accounts, pinned subscriptions.

/** Handed over whole, because who gets it cannot know what was missed. */
export interface Source<T> {
  /** Calls `onValue` with what there is, at once if it is known already, and again at each change until `stop`. */
  start(onValue: (value: T) => void): void;
  stop(): void;
}

/** A source that never changes. */
export function constantSource<T>(value: T): Source<T> {
  return { start: (onValue) => onValue(value), stop: () => undefined };
}
