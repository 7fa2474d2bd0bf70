// The control link's socket inside the object: at most one, hibernating, with the requests that wait for the sidecar.
import {
  CONTROL_PING,
  CONTROL_PONG,
  type ControlAnswer,
  type ControlMessage,
  encodeControl,
  parseControl,
  type WakeUp,
} from '../../shared/control.ts';
import { assertNever, ERRORS } from '../../shared/errors.ts';
import {
  CONTROL_MESSAGE_BYTES_MAX,
  CONTROL_REQUEST_MS_MAX,
  CONTROL_REQUESTS_MAX,
} from '../../shared/limits.ts';
import { PendingRequests } from '../core/pending-requests.ts';

type Waiting = (answer: ControlAnswer) => void;

/** What a socket remembers across hibernation. */
interface SocketOrigin {
  readonly epoch: number;
}

/** RFC 6455, 7.4.1: a message of a kind or size that is not taken. */
const CLOSE_UNSUPPORTED = 1003;
const CLOSE_TOO_BIG = 1009;
/** Codes that stand for the absence of a close frame, and may not be sent in one. */
const CLOSE_CODES_RESERVED = [1005, 1006, 1015];

function unavailable(message: string): ControlAnswer {
  return { ok: false, code: 'sidecar_unavailable', message };
}

export class SidecarSocket {
  readonly #ctx: DurableObjectState;
  readonly #onNotice: (name: string, payload: unknown) => void;
  readonly #pending = new PendingRequests<Waiting>(crypto.randomUUID());

  constructor(ctx: DurableObjectState, onNotice: (name: string, payload: unknown) => void) {
    this.#ctx = ctx;
    this.#onNotice = onNotice;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(CONTROL_PING, CONTROL_PONG));
  }

  /** Takes the sidecar's dial, which was checked; a socket of its earlier dials, or of an earlier sidecar, goes. */
  accept(epoch: number): Response {
    for (const socket of this.#openSockets()) {
      this.#drop(socket, ERRORS.goaway.closeCode, 'dialled again');
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server);
    server.serializeAttachment({ epoch } satisfies SocketOrigin);
    return new Response(null, { status: 101, webSocket: client });
  }

  /** A later sidecar is active: the sockets of earlier ones are closed with the code that says so. */
  supersede(epoch: number): void {
    for (const socket of this.#openSockets()) {
      const origin = socket.deserializeAttachment() as SocketOrigin;
      if (origin.epoch >= epoch) continue;
      this.#drop(socket, ERRORS.ingest_superseded.closeCode, `epoch ${epoch} is active`);
    }
  }

  /**
   * Asks the sidecar. Always answers within `deadlineMs`, with `sidecar_unavailable` when there is none, when it does not
   * answer or its socket is lost; with `message_too_big` for a question that does not fit a message.
   */
  request(name: string, payload: unknown, deadlineMs: number): Promise<ControlAnswer> {
    const [socket] = this.#openSockets();
    if (!socket) return Promise.resolve(unavailable('no sidecar is connected'));
    if (this.#pending.isFull) {
      return Promise.resolve(unavailable(`${CONTROL_REQUESTS_MAX} requests wait for the sidecar already`));
    }
    const waitMs = Math.min(deadlineMs, CONTROL_REQUEST_MS_MAX);
    return new Promise((resolve) => {
      const id = this.#pending.open((answer) => {
        // A timer that is left would keep the object from hibernating.
        clearTimeout(timer);
        resolve(answer);
      });
      const end = (answer: ControlAnswer) => this.#pending.close(id)?.(answer);
      const timer = setTimeout(
        () => end(unavailable(`the sidecar did not answer ${name} within ${waitMs} ms`)),
        waitMs,
      );
      const text = encodeControl({ kind: 'request', id, name, deadline_ms: waitMs, payload });
      if (!isTooBig(text)) socket.send(text);
      else {
        const message = `request ${name} is over ${CONTROL_MESSAGE_BYTES_MAX} bytes`;
        end({ ok: false, code: 'message_too_big', message });
      }
    });
  }

  /** Tells the sidecar of news. False when there is none: it looks by itself when it comes back. */
  wake(name: WakeUp): boolean {
    const [socket] = this.#openSockets();
    socket?.send(encodeControl({ kind: 'wake_up', name }));
    return socket !== undefined;
  }

  onMessage(socket: WebSocket, data: string | ArrayBuffer): void {
    if (typeof data !== 'string') {
      this.#drop(socket, CLOSE_UNSUPPORTED, 'text is expected');
      return;
    }
    if (isTooBig(data)) {
      this.#drop(socket, CLOSE_TOO_BIG, `over ${CONTROL_MESSAGE_BYTES_MAX} bytes`);
      return;
    }
    const message = parseControl(data);
    if (!message) console.warn(`control link: ${data.length} characters that are no message`);
    else this.#onControl(socket, message);
  }

  onClose(socket: WebSocket, code: number): void {
    // The closing handshake is ours to complete, or the other end waits for it.
    this.#drop(socket, CLOSE_CODES_RESERVED.includes(code) ? 1000 : code, '');
  }

  #onControl(socket: WebSocket, message: ControlMessage): void {
    switch (message.kind) {
      case 'reply': {
        // One that came too late, or for an earlier memory of this object, is for nobody.
        const waiting = this.#pending.close(message.id);
        waiting?.(
          message.ok
            ? { ok: true, payload: message.payload }
            : { ok: false, code: message.code, message: message.message },
        );
        return;
      }
      case 'request': {
        const { id, name } = message;
        const text = `request ${name.slice(0, 64)} is not known here`;
        socket.send(encodeControl({ kind: 'reply', id, ok: false, code: 'unknown_request', message: text }));
        return;
      }
      case 'notice':
        this.#onNotice(message.name, message.payload);
        return;
      case 'wake_up':
        // Nothing here waits for news that the sidecar has first.
        return;
      default:
        assertNever(message);
    }
  }

  /** Requests on a socket that is no more are answered at once: nobody else will. */
  #drop(socket: WebSocket, code: number, reason: string): void {
    if (socket.readyState !== WebSocket.CLOSED) socket.close(code, reason);
    if (this.#openSockets().length > 0) return;
    for (const answer of this.#pending.closeAll()) answer(unavailable('the sidecar was cut off'));
  }

  #openSockets(): WebSocket[] {
    return this.#ctx.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN);
  }
}

/** A text has at least as many bytes as characters, and at most three times as many. */
function isTooBig(text: string): boolean {
  if (text.length * 3 <= CONTROL_MESSAGE_BYTES_MAX) return false;
  return new TextEncoder().encode(text).byteLength > CONTROL_MESSAGE_BYTES_MAX;
}
