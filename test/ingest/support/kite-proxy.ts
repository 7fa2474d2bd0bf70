// A line between the sidecar and a ticker server that a test can cut, freeze or close to one account.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

interface Line {
  readonly apiKey: string;
  readonly client: Duplex;
  readonly server: Socket;
}

export class KiteProxy {
  readonly url: string;
  /** HTTP status that every upgrade of an api_key is refused with; or `never`: it is not answered. */
  readonly refusals = new Map<string, number | 'never'>();
  readonly #waiting = new Set<Duplex>();
  readonly #server: Server;
  readonly #lines = new Set<Line>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** Listens on a free port and passes everything on to the server at `wsUrl`. */
  static async start(wsUrl: string): Promise<KiteProxy> {
    const { hostname, port } = new URL(wsUrl);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new KiteProxy(server);
    server.on('upgrade', (request: IncomingMessage, client: Duplex, head: Buffer) => {
      client.on('error', () => undefined);
      const apiKey = new URL(request.url ?? '', wsUrl).searchParams.get('api_key') ?? '';
      const refusal = proxy.refusals.get(apiKey);
      if (refusal === 'never') {
        proxy.#waiting.add(client);
        client.on('close', () => proxy.#waiting.delete(client));
        client.on('end', () => client.destroy());
        client.resume();
        return;
      }
      if (refusal !== undefined) {
        client.end(`HTTP/1.1 ${refusal} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        return;
      }
      const upstream = connect(Number(port), hostname);
      const line = { apiKey, client, server: upstream };
      proxy.#lines.add(line);
      upstream.on('error', () => undefined);
      upstream.on('close', () => {
        proxy.#lines.delete(line);
        client.destroy();
      });
      // Also of a frozen line: the end of a connection that was given up is not what a test waits for.
      for (const event of ['end', 'close']) client.on(event, () => upstream.destroy());
      upstream.write(headOf(request));
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    return proxy;
  }

  /** Open lines of an api_key. */
  count(apiKey: string): number {
    return this.#of(apiKey).length;
  }

  /** Cuts the lines of an api_key, or the given one of them. */
  cut(apiKey: string, index?: number): void {
    for (const { server } of this.#of(apiKey, index)) server.destroy();
  }

  /** Nothing passes any more and nobody is told, as when a cable is pulled. */
  freeze(apiKey: string, index?: number): void {
    for (const { client, server } of this.#of(apiKey, index)) {
      server.unpipe(client);
      client.unpipe(server);
      server.resume();
      client.resume();
    }
  }

  #of(apiKey: string, index?: number): Line[] {
    const lines = [...this.#lines].filter((line) => line.apiKey === apiKey);
    return index === undefined ? lines : lines.slice(index, index + 1);
  }

  async stop(): Promise<void> {
    for (const { client, server } of this.#lines) {
      server.destroy();
      client.destroy();
    }
    for (const client of this.#waiting) client.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The request as it came in. */
function headOf({ method, url, rawHeaders }: IncomingMessage): string {
  const headers: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return `${method} ${url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
}
