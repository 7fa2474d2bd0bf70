// A Kite REST API that answers as a test tells it to.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedCall {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A status, a body (text as it is, anything else as JSON) and headers; `hang`: never answer; `reset`: cut the line. */
export type CallAnswer =
  | readonly [httpStatus: number, body: unknown, headers?: Readonly<Record<string, string>>]
  | 'hang'
  | 'reset';

/** Kite's envelopes. */
export const success = (data: unknown): CallAnswer => [200, { status: 'success', data }];
export const failure = (httpStatus: number, errorType: string, message: string): CallAnswer => [
  httpStatus,
  { status: 'error', message, data: null, error_type: errorType },
];
export const TOO_MANY: CallAnswer = [
  429,
  { status: 'error', message: 'Too many requests', error_type: 'NetworkException' },
];
export const DEAD_TOKEN = failure(403, 'TokenException', 'Incorrect `api_key` or `access_token`.');

export class FakeRest {
  readonly url: string;
  readonly calls: ReceivedCall[] = [];
  answer: (call: ReceivedCall) => CallAnswer = () => success(true);
  /** Calls that are not answered yet, now and at most. */
  open = 0;
  openMax = 0;
  readonly #server: Server;
  #held: (() => void)[] | undefined;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<FakeRest> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const rest = new FakeRest(server);
    server.on('request', (request, response) => {
      rest.open++;
      rest.openMax = Math.max(rest.openMax, rest.open);
      response.on('close', () => rest.open--);
      const chunks: Buffer[] = [];
      request.on('error', () => undefined);
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { pathname, search } = new URL(request.url ?? '/', 'http://kite');
        const call = {
          method: request.method ?? '',
          path: pathname,
          query: search,
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
        };
        rest.calls.push(call);
        const reply = () => {
          const answer = rest.answer(call);
          if (answer === 'hang') return;
          if (answer === 'reset') {
            request.socket.destroy();
            return;
          }
          const [httpStatus, body, headers] = answer;
          response.writeHead(httpStatus, {
            'content-type': typeof body === 'string' ? 'text/html' : 'application/json',
            ...headers,
          });
          response.end(typeof body === 'string' ? body : JSON.stringify(body));
        };
        if (rest.#held) rest.#held.push(reply);
        else reply();
      });
    });
    return rest;
  }

  /** From now on calls wait for `release`. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const reply of held) reply();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
