// A TCP proxy that can be away, cut its connections, or hang: a server's bad minute, without hurting the server.

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy {
  /** `hang` takes connections and says nothing. */
  state: 'pass' | 'hang' = 'pass';
  /** Connections are cut once so many bytes have gone to the server. */
  cutAfterBytes = Number.POSITIVE_INFINITY;
  connections = 0;
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(host: string, port: number): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new TcpProxy(server);
    server.on('connection', (client) => proxy.#take(client, host, port));
    return proxy;
  }

  /** The address with this proxy in the server's place. */
  urlOf(url: string): string {
    const proxied = new URL(url);
    proxied.host = `127.0.0.1:${this.port}`;
    return proxied.href;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** From now on connections are refused. */
  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async listenAgain(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve));
  }

  #take(client: Socket, host: string, port: number): void {
    this.connections++;
    this.#keep(client);
    if (this.state !== 'pass') return;
    const server = connect(port, host);
    this.#keep(server);
    let bytes = 0;
    client.on('data', (data) => {
      bytes += data.byteLength;
      if (this.state === 'hang') return;
      if (bytes > this.cutAfterBytes) this.cut();
      else server.write(data);
    });
    server.on('data', (data) => {
      if (this.state !== 'hang') client.write(data);
    });
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    // What is cut here ends with an error there: that is what this is for.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
