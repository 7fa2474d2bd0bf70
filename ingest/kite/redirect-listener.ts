// Waits on loopback for what Kite's login page sends the browser back with, and takes only what was asked for.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** What a login came back with. */
export interface LoginReturn {
  readonly requestToken: string;
  /** Tells whoever logged in, in the browser, how it ended. */
  readonly answer: (httpStatus: number, text: string) => void;
}

/** `foreign`: not of the login that is awaited. `refused`: of that login, and it brings no token. */
export type RedirectReading =
  | { readonly kind: 'token'; readonly requestToken: string }
  | { readonly kind: 'foreign'; readonly problem: string }
  | { readonly kind: 'refused'; readonly problem: string };

/** Reads the redirect's parameters (kite.trade/docs/connect/v3/user); `state` is what the login page was given. */
export function readRedirect(query: URLSearchParams, state: string): RedirectReading {
  if (query.get('state') !== state) return { kind: 'foreign', problem: 'this login was not started here' };
  const status = query.get('status');
  if (status !== 'success') {
    const got = status === null ? 'no status' : `status ${JSON.stringify(status.slice(0, 64))}`;
    return { kind: 'refused', problem: `Kite's login page came back with ${got}` };
  }
  const requestToken = query.get('request_token') ?? '';
  if (/^[A-Za-z0-9_-]{1,128}$/.test(requestToken)) return { kind: 'token', requestToken };
  return { kind: 'refused', problem: "Kite's login page came back without a request_token" };
}

/** Browsers open connections ahead, which would hold up the end of the program for ever. */
const LAST_ANSWER_MS_MAX = 1_000;

interface Awaited {
  readonly state: string;
  readonly resolve: (login: LoginReturn) => void;
  readonly reject: (error: Error) => void;
}

function send(response: ServerResponse, httpStatus: number, text: string): void {
  response.writeHead(httpStatus, {
    'content-type': 'text/plain; charset=utf-8',
    // The address holds a request token: it is to be neither kept nor passed on.
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'",
    'x-content-type-options': 'nosniff',
    connection: 'close',
  });
  response.end(`${text}\n`);
}

export class RedirectListener {
  readonly #url: URL;
  readonly #server: Server;
  #awaited: Awaited | undefined;

  private constructor(url: URL, server: Server) {
    this.#url = url;
    this.#server = server;
    server.on('request', (request, response) => this.#onRequest(request, response));
  }

  /** Listens on 127.0.0.1 at the port of `redirectUrl`. Throws when it is taken. */
  static async start(redirectUrl: string): Promise<RedirectListener> {
    const url = new URL(redirectUrl);
    const port = Number(url.port || '80');
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new Error(`KITE_REDIRECT_URL ${redirectUrl}: cannot listen there`, { cause })),
      );
      server.listen(port, '127.0.0.1', resolve);
    });
    return new RedirectListener(url, server);
  }

  /** What the login with this state comes back with. Rejects when Kite refuses it, or with the signal's reason. */
  async next(state: string, signal: AbortSignal): Promise<LoginReturn> {
    signal.throwIfAborted();
    return new Promise<LoginReturn>((resolve, reject) => {
      const awaited = { state, resolve, reject };
      this.#awaited = awaited;
      const onAbort = () => {
        if (this.#awaited === awaited) this.#awaited = undefined;
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The address at which a browser on another machine has ended, copied by hand. Returns what is wrong with it. */
  paste(address: string): string | undefined {
    const url = URL.parse(address.trim());
    if (!url) return 'this is no address';
    return this.#take(url.searchParams, () => undefined);
  }

  /** Lets the last answer reach the browser; what is open without one is cut off. */
  async stop(): Promise<void> {
    this.#awaited = undefined;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    const late = setTimeout(() => this.#server.closeAllConnections(), LAST_ANSWER_MS_MAX);
    await closed;
    clearTimeout(late);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    // A page elsewhere can have a browser ask this address under a name of its own; it cannot have it say this host.
    const { host = '' } = request.headers;
    const port = this.#url.port === '' ? '' : `:${this.#url.port}`;
    if (host !== `127.0.0.1${port}` && host !== `localhost${port}`) {
      send(response, 421, `host ${JSON.stringify(host)} is not served here`);
      return;
    }
    const url = URL.parse(request.url ?? '/', this.#url.href);
    if (request.method !== 'GET' || url?.pathname !== this.#url.pathname) {
      send(response, 404, 'not found');
      return;
    }
    const problem = this.#take(url.searchParams, (status, text) => send(response, status, text));
    if (problem !== undefined) send(response, 400, problem);
  }

  /** What is wrong with a redirect; undefined when it was the awaited one. A foreign one does not end the wait. */
  #take(query: URLSearchParams, answer: LoginReturn['answer']): string | undefined {
    if (!this.#awaited) return 'no login is awaited';
    const { state, resolve, reject } = this.#awaited;
    const reading = readRedirect(query, state);
    if (reading.kind === 'foreign') return reading.problem;
    this.#awaited = undefined;
    if (reading.kind === 'refused') {
      reject(new Error(reading.problem));
      return reading.problem;
    }
    resolve({ requestToken: reading.requestToken, answer });
    return undefined;
  }
}
