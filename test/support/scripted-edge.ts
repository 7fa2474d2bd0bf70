// An edge that does what a test says: serves the page's files and speaks the native JSON protocol on one port.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { json } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';

const WEB_DIRECTORY = join(import.meta.dirname, '../../worker/web');
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export const GOOD_TOKEN = 'good.token.text';
export const GOOD_PASSWORD = 'right';

export interface ScriptedCommand {
  readonly action: string;
  readonly tokens?: readonly number[];
}

export class ScriptedEdge {
  /** What clients have sent, pings included, in order. */
  readonly commands: ScriptedCommand[] = [];
  /** Ticks by token that a subscribe is answered with. */
  readonly snapshots = new Map<number, object>();
  /** Refusals by token. */
  readonly refusals = new Map<number, { code: string; message: string }>();
  readonly #muted = new WeakSet<WebSocket>();
  upgrades = 0;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;

  constructor() {
    this.#http = createServer((request, response) => void this.#serve(request, response));
    this.#sockets = new WebSocketServer({ server: this.#http });
    this.#sockets.on('connection', (socket, request) => {
      this.upgrades++;
      this.#accept(socket, new URL(request.url ?? '/', 'http://edge').searchParams.get('token'));
    });
  }

  /** On loopback; a free port for port 0. */
  static async start(port = 0): Promise<ScriptedEdge> {
    const edge = new ScriptedEdge();
    edge.#http.listen(port, '127.0.0.1');
    await once(edge.#http, 'listening');
    return edge;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  tokensOf(action: string): number[][] {
    return this.commands
      .filter((command) => command.action === action)
      .map(({ tokens }) => [...(tokens ?? [])]);
  }

  send(message: object): void {
    for (const socket of this.#sockets.clients) {
      if (!this.#muted.has(socket)) socket.send(JSON.stringify(message));
    }
  }

  /** The connections of now stay open and dead: nothing is answered, nothing is sent. Later ones are served. */
  muteSockets(): void {
    for (const socket of this.#sockets.clients) this.#muted.add(socket);
  }

  tick(tick: object): void {
    this.send({ type: 'tick', data: tick });
  }

  closeSockets(code: number, reason: string): void {
    for (const socket of this.#sockets.clients) socket.close(code, reason);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }

  #accept(socket: WebSocket, token: string | null): void {
    if (token !== GOOD_TOKEN) {
      socket.close(1008, 'Authentication failed: signature does not match');
      return;
    }
    const send = (message: object) => socket.send(JSON.stringify(message));
    send({
      type: 'connected',
      connection_id: `c${this.upgrades}`,
      user: { user_id: 'u1', email: 'trader@example.com', name: 'Trader' },
      timestamp: new Date().toISOString(),
    });
    socket.on('message', (data) => {
      const command = JSON.parse(String(data)) as ScriptedCommand;
      this.commands.push(command);
      if (!this.#muted.has(socket)) this.#answer(command, send);
    });
  }

  #answer({ action, tokens = [] }: ScriptedCommand, send: (message: object) => void): void {
    if (action === 'ping') send({ type: 'pong' });
    if (action === 'unsubscribe') send({ type: 'unsubscribed', tokens, total: 0 });
    if (action !== 'subscribe') return;
    const accepted = tokens.filter((token) => !this.refusals.has(token));
    const rejected = tokens.flatMap((token) => {
      const refusal = this.refusals.get(token);
      return refusal ? [{ token, ...refusal }] : [];
    });
    send({ type: 'subscribed', tokens: accepted, total: accepted.length, rejected });
    for (const token of accepted) {
      const snapshot = this.snapshots.get(token);
      if (snapshot) send({ type: 'tick', data: snapshot });
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    if (path === '/page.json') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ user_service: this.url }));
      return;
    }
    if (path === '/v1/auth/login') {
      const { password } = (await json(request)) as { password?: string };
      const isRight = password === GOOD_PASSWORD;
      response.writeHead(isRight ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isRight ? { access_token: GOOD_TOKEN, token_type: 'bearer' } : {}));
      return;
    }
    const file = path === '/' ? '/index.html' : path;
    try {
      const content = await readFile(join(WEB_DIRECTORY, file));
      response.setHeader('content-type', CONTENT_TYPES[extname(file)] ?? 'application/octet-stream');
      // As strict as the Worker's own, which the test on the whole system meets.
      response.setHeader(
        'content-security-policy',
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
      );
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  }
}
