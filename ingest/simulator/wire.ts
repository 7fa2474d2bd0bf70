// A socket with a valve: passes everything through, drips it, or holds it back as a line does that is dead and not closed.
import { Duplex } from 'node:stream';

const DRIP_INTERVAL_MS = 50;

type Done = (error?: Error | null) => void;

interface PendingWrite {
  chunks: readonly Buffer[];
  readonly done: Done;
}

export class Wire extends Duplex {
  readonly #socket: Duplex;
  #isFrozen = false;
  #bytesPerSecond: number | undefined;
  /** The one write that the stream has handed over and that has not gone out. */
  #pending: PendingWrite | undefined;
  #ending: Done | undefined;
  #dripTimer: NodeJS.Timeout | undefined;

  constructor(socket: Duplex) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Frozen, nothing goes out and nothing is read, not even that the other side has left. */
  setFrozen(isFrozen: boolean): void {
    if (isFrozen === this.#isFrozen) return;
    this.#isFrozen = isFrozen;
    if (isFrozen) {
      this.#socket.pause();
      return;
    }
    this.#socket.resume();
    this.#pump();
  }

  /** Undefined lets everything through at once. */
  setDrip(bytesPerSecond: number | undefined): void {
    if (bytesPerSecond === this.#bytesPerSecond) return;
    this.#bytesPerSecond = bytesPerSecond;
    this.#pump();
  }

  override _read(): void {
    if (!this.#isFrozen) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#pending = { chunks: [chunk], done };
    this.#pump();
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#pending = { chunks: chunks.map(({ chunk }) => chunk), done };
    this.#pump();
  }

  override _final(done: Done): void {
    this.#ending = done;
    this.#pump();
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#dripTimer);
    this.#socket.destroy();
    done(error);
  }

  /** Does what is due: a write, a drop of one, or the end. The stream hands over the next one when this one is done. */
  #pump(): void {
    clearTimeout(this.#dripTimer);
    if (this.#isFrozen) return;
    if (this.#pending === undefined) this.#end();
    else if (this.#bytesPerSecond === undefined) this.#release(this.#pending);
    else this.#drip(this.#pending, this.#bytesPerSecond);
  }

  /** Not copied: a frame of 3,000 full packets is half a megabyte. */
  #release({ chunks, done }: PendingWrite): void {
    this.#pending = undefined;
    const last = chunks.length - 1;
    this.#socket.cork();
    for (const [at, chunk] of chunks.entries()) this.#socket.write(chunk, at === last ? done : undefined);
    this.#socket.uncork();
  }

  #drip(pending: PendingWrite, bytesPerSecond: number): void {
    const dropBytes = Math.ceil((bytesPerSecond * DRIP_INTERVAL_MS) / 1_000);
    const bytes = Buffer.concat(pending.chunks);
    this.#socket.write(bytes.subarray(0, dropBytes));
    const rest = bytes.subarray(dropBytes);
    pending.chunks = [rest];
    this.#dripTimer = setTimeout(() => {
      if (rest.length > 0) {
        this.#pump();
        return;
      }
      this.#pending = undefined;
      pending.done();
    }, DRIP_INTERVAL_MS);
  }

  #end(): void {
    const ending = this.#ending;
    if (ending === undefined) return;
    this.#ending = undefined;
    this.#socket.end();
    ending();
  }
}
