// Goes on after the event loop has done what it had to do by now: what was given to sockets is on its way then.

/**
 * A timer of 0 ms costs one or two, which is as much as the work between two turns. A byte through a pipe comes back in the
 * event loop's next turn. Made for a row of turns and dropped with it: an object that sleeps holds no stream.
 */
export class EventLoopTurns {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #byte = new Uint8Array(1);

  constructor() {
    const pipe = new IdentityTransformStream();
    this.#reader = pipe.readable.getReader();
    this.#writer = pipe.writable.getWriter();
  }

  /** Resolves in the next turn. One call at a time. */
  async next(): Promise<void> {
    await Promise.all([this.#reader.read(), this.#writer.write(this.#byte)]);
  }
}
