// SIGINT and SIGTERM as an error, so that a bench that is told to end stops every server that it has started.

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export class Interruption {
  #interrupt: (error: Error) => void = () => undefined;
  readonly #signal = new Promise<never>((_, reject) => {
    this.#interrupt = reject;
  });
  readonly #onSignal = (signal: NodeJS.Signals) => this.#interrupt(new Error(`interrupted by ${signal}`));

  /** From here on signals end nothing by themselves. */
  constructor() {
    this.#signal.catch(() => undefined);
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** What the work comes to; rejects at once when a signal has come or comes before. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    return Promise.race([this.#signal, work()]);
  }

  /** Signals do again what they did. */
  end(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }
}
