// The life of a part's program: says that it serves, waits for the signal to stop, stops, ends.

/** Prints the ready line. Called again when what it says has changed. */
export function reportReady(details: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ ready: true, ...details }));
}

/** Runs `stop` once on SIGTERM or SIGINT, then ends the process. */
export function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = () => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error instanceof Error ? error.message : String(error));
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** An environment variable that the runner sets for its parts. */
export function requiredEnv(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
