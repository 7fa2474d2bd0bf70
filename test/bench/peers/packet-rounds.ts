// What the peers send: rounds of packets as large as Kite's full ones, of every so-manieth instrument in turn.
// Arguments of a peer: instruments, parts, ms from one round to the next. It prints its port; `start` on its input begins the
// rounds, `stop` ends them and has it print how many they were, and with its input it ends.
import { createInterface } from 'node:readline';

export const PACKET_BYTES = 184;

const [instruments = 0, parts = 1, roundMs = 100] = process.argv.slice(2).map(Number);

export const instrumentCount = instruments;

/** Instruments of a round, the first round being 0. */
export function* instrumentsOf(round: number, count: number, ofParts: number): Generator<number> {
  for (let instrument = round % ofParts; instrument < count; instrument += ofParts) yield instrument;
}

/** Does as it is told: calls `send` with each instrument and its packet, which nobody writes to again. */
export function serveRounds(port: number, send: (instrument: number, packet: Uint8Array) => void): void {
  let rounds = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const next = () => {
    const bytes = new Uint8Array(Math.ceil(instruments / parts) * PACKET_BYTES);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const instrument of instrumentsOf(rounds, instruments, parts)) {
      view.setUint32(at, instrument);
      view.setUint32(at + 4, rounds);
      send(instrument, bytes.subarray(at, at + PACKET_BYTES));
      at += PACKET_BYTES;
    }
    rounds++;
  };
  createInterface({ input: process.stdin })
    .on('line', (command) => {
      if (command === 'start') timer = setInterval(next, roundMs);
      if (command !== 'stop') return;
      clearInterval(timer);
      console.log(rounds);
    })
    .on('close', () => process.exit(0));
  console.log(port);
}
