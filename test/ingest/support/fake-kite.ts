// A ticker server that does what a test tells it to: refuses, keeps silent, or sends.
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/** `accept` the upgrade, refuse it with a status, or never answer it. */
export type UpgradeAnswer = 'accept' | 'never' | number;

export interface FakeKiteSocket {
  readonly socket: WebSocket;
  /** Below the WebSocket: for bytes that must arrive in one piece. */
  readonly tcp: Duplex;
  /** How the client closed it; 1006 when it just cut the connection. */
  closeCode?: number;
  readonly query: URLSearchParams;
  /** Messages that the client sent, parsed. */
  readonly commands: unknown[];
}

export class FakeKite {
  readonly url: string;
  answer: UpgradeAnswer = 'accept';
  /** By api_key, instead of `answer`. */
  readonly answers = new Map<string, UpgradeAnswer>();
  /** Sockets in the order in which they were opened; closed ones stay in the list. */
  readonly sockets: FakeKiteSocket[] = [];
  /** Upgrades that were asked for, whatever the answer. */
  upgrades = 0;
  /** The api_key of each of them. */
  readonly upgradeKeys: string[] = [];
  readonly #server: Server;
  readonly #tcpSockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.url = `ws://127.0.0.1:${port}/`;
  }

  static async start(): Promise<FakeKite> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const kite = new FakeKite(server);
    const wss = new WebSocketServer({ noServer: true });
    server.on('connection', (socket) => {
      kite.#tcpSockets.add(socket);
      socket.on('close', () => kite.#tcpSockets.delete(socket));
    });
    server.on('upgrade', (request, socket, head) => {
      const query = new URL(request.url ?? '', 'http://kite').searchParams;
      const apiKey = query.get('api_key') ?? '';
      kite.upgrades++;
      kite.upgradeKeys.push(apiKey);
      socket.on('error', () => undefined);
      const answer = kite.answers.get(apiKey) ?? kite.answer;
      if (answer === 'never') return;
      if (typeof answer === 'number') {
        socket.end(`HTTP/1.1 ${answer} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        return;
      }
      wss.handleUpgrade(request, socket, head, (client) => {
        const opened: FakeKiteSocket = {
          socket: client,
          tcp: socket,
          query,
          commands: [],
        };
        client.on('message', (data) => opened.commands.push(JSON.parse(String(data))));
        client.on('error', () => undefined);
        client.on('close', (code) => {
          opened.closeCode = code;
        });
        kite.sockets.push(opened);
      });
    });
    return kite;
  }

  get last(): FakeKiteSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no socket was opened yet');
    return socket;
  }

  get openCount(): number {
    return this.openSockets().length;
  }

  /** Sockets that are open now, of one api_key if it is given. */
  openSockets(apiKey?: string): FakeKiteSocket[] {
    return this.sockets.filter(
      ({ socket, query }) =>
        socket.readyState === socket.OPEN && (apiKey === undefined || query.get('api_key') === apiKey),
    );
  }

  async stop(): Promise<void> {
    for (const socket of this.#tcpSockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
