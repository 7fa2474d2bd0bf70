// The least of a WebSocket's reading end: finds the server's messages in a TCP stream, keeps the first bytes of each and
// skips the rest. Who only counts what comes must not be slower than who sends it.

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** First bytes of a message that are kept: enough to tell what it is, and for the counters of all formats. */
export const HEAD_BYTES_MAX = 32;

const HEADER_BYTES_MAX = 10;
const FINAL = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** Bytes of the header that begins with this second byte. */
function headerBytesOf(second: number): number {
  const length = second & 0x7f;
  return length === LENGTH_64 ? 10 : length === LENGTH_16 ? 4 : 2;
}

/** The message that was found last is in its fields while `onMessage` runs. */
export class MessageHeads {
  readonly #header = new Uint8Array(HEADER_BYTES_MAX);
  #headerBytes = 0;
  #isInPayload = false;
  #left = 0;
  opcode = 0;
  payloadBytes = 0;
  /** Only the first `headBytes` count: fewer than HEAD_BYTES_MAX when the payload is shorter. */
  readonly head = new Uint8Array(HEAD_BYTES_MAX);
  headBytes = 0;

  /**
   * Reads bytes `from` to `to` and calls `onMessage` at the end of each message. Throws an Error on what the servers that
   * are measured never send: masked frames, extensions, messages in more than one frame.
   */
  push(bytes: Uint8Array, from: number, to: number, onMessage: () => void): void {
    let at = from;
    while (at < to || (this.#isInPayload && this.#left === 0)) {
      if (!this.#isInPayload) {
        this.#header[this.#headerBytes++] = bytes[at++] as number;
        if (this.#headerBytes >= 2 && this.#headerBytes === headerBytesOf(this.#header[1] as number)) {
          this.#startPayload();
        }
        continue;
      }
      const taken = Math.min(this.#left, to - at);
      const kept = Math.min(taken, HEAD_BYTES_MAX - this.headBytes);
      for (let i = 0; i < kept; i++) this.head[this.headBytes++] = bytes[at + i] as number;
      at += taken;
      this.#left -= taken;
      if (this.#left > 0) return;
      this.#isInPayload = false;
      this.#headerBytes = 0;
      onMessage();
    }
  }

  /** The kept bytes as text; UTF-8 beyond ASCII comes out wrong. */
  headText(): string {
    return String.fromCharCode(...this.head.subarray(0, this.headBytes));
  }

  #startPayload(): void {
    const [first, second] = [this.#header[0] as number, this.#header[1] as number];
    if ((first & (FINAL | RESERVED)) !== FINAL || (first & 0x0f) === 0 || (second & MASKED) !== 0) {
      throw new Error(
        `a frame that begins with ${first.toString(16)} ${second.toString(16)} is not read here`,
      );
    }
    const length = second & 0x7f;
    let bytes = length;
    if (length >= LENGTH_16) {
      bytes = 0;
      for (let i = 2; i < this.#headerBytes; i++) bytes = bytes * 256 + (this.#header[i] as number);
    }
    this.opcode = first & 0x0f;
    this.payloadBytes = bytes;
    this.headBytes = 0;
    this.#left = bytes;
    this.#isInPayload = true;
  }
}

/** A client's text message as one frame. Its mask is zero, which changes no byte: nobody is between us and the server. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(14);
  header[0] = FINAL | OPCODE.text;
  let at = 2;
  if (payload.length < LENGTH_16) header[1] = MASKED | payload.length;
  else if (payload.length < 65_536) {
    header[1] = MASKED | LENGTH_16;
    at = header.writeUInt16BE(payload.length, 2);
  } else {
    header[1] = MASKED | LENGTH_64;
    at = header.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([header.subarray(0, at + 4), payload]);
}
