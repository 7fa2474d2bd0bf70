// The sidecar's dial of the control link, as its headers say: read by the Worker, which checks their signature, and by the
// object that the Worker hands it on to.
import { INGEST_HEADERS } from '../../shared/frame.ts';

export interface Dial {
  /** Of the sidecar that dials. */
  readonly epoch: number;
  /** When the dial was signed, milliseconds since the epoch. */
  readonly signedAtMs: number;
}

/** Times in milliseconds have 13 digits until the year 2286; epochs are such times. */
const TIME = /^\d{13}$/;

/** Undefined when one of the headers is missing or malformed. */
export function readDial(headers: { get(name: string): string | null }): Dial | undefined {
  const epoch = headers.get(INGEST_HEADERS.epoch);
  const time = headers.get(INGEST_HEADERS.time);
  if (epoch === null || time === null || !TIME.test(epoch) || !TIME.test(time)) return undefined;
  return { epoch: Number(epoch), signedAtMs: Number(time) };
}
