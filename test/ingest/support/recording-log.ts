// A log that keeps its lines, as they would be written.
import { createLogger, type Logger } from '../../../ingest/log.ts';

export function recordingLog(secrets: readonly string[] = []): {
  readonly log: Logger;
  readonly lines: string[];
} {
  const lines: string[] = [];
  const log = createLogger({
    level: 'debug',
    format: 'text',
    secrets,
    write: (line) => lines.push(line),
    nowMs: () => 0,
  });
  return { log, lines };
}
