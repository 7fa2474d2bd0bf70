// The edge's end of the control link, as a test wants it: checks the dial, takes or refuses it, says what it is told to.
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type ControlMessage, encodeControl } from '../../../shared/control.ts';

export interface ReceivedDial {
  readonly path: string;
  readonly timeMs: number;
  readonly epoch: number;
  readonly isSigned: boolean;
}

export class FakeControl {
  readonly url: string;
  readonly dials: ReceivedDial[] = [];
  /** Messages of the sidecar, pings apart. */
  readonly received: ControlMessage[] = [];
  pings = 0;
  /** `accept` the dial, refuse it with a status, or never answer it. */
  answer: 'accept' | 'never' | number = 'accept';
  /** Whether pings are answered. */
  isAlive = true;
  socket: WebSocket | undefined;
  /** How the sidecar closed its sockets; 1006 when it just cut them off. */
  readonly closeCodes: number[] = [];
  readonly #server: Server;
  readonly #tcpSockets = new Set<Duplex>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(secret: string): Promise<FakeControl> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const control = new FakeControl(server);
    const wss = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      control.#tcpSockets.add(socket);
      socket.on('error', () => undefined);
      control.dials.push(readDial(request, secret));
      const { answer } = control;
      if (answer === 'never') return;
      if (answer === 'accept') wss.handleUpgrade(request, socket, head, (client) => control.#accept(client));
      else socket.end(`HTTP/1.1 ${answer} Refused\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`);
    });
    return control;
  }

  #accept(socket: WebSocket): void {
    this.socket = socket;
    socket.on('message', (data) => {
      const text = String(data);
      if (text === 'ping') {
        this.pings++;
        if (this.isAlive) socket.send('pong');
      } else this.received.push(JSON.parse(text) as ControlMessage);
    });
    socket.on('error', () => undefined);
    socket.on('close', (code) => this.closeCodes.push(code));
  }

  say(message: ControlMessage | string): void {
    this.socket?.send(typeof message === 'string' ? message : encodeControl(message));
  }

  async stop(): Promise<void> {
    for (const socket of this.#tcpSockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function readDial({ url, headers }: IncomingMessage, secret: string): ReceivedDial {
  const time = String(headers['x-ingest-time']);
  const epoch = String(headers['x-ingest-epoch']);
  const expected = createHmac('sha256', secret).update(`${time}\n${url}\n${epoch}`).digest('hex');
  const isSigned = headers['x-ingest-signature'] === expected;
  return { path: url ?? '', timeMs: Number(time), epoch: Number(epoch), isSigned };
}
