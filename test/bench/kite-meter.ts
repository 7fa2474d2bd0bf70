// A TCP relay in front of Kite's simulator that counts what is said to it: connections opened, and bytes sent.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export class KiteMeter {
  connections = 0;
  bytes = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => this.#relay(client));
  readonly #port: number;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(simulatorUrl: string): Promise<KiteMeter> {
    const meter = new KiteMeter(Number(new URL(simulatorUrl).port));
    meter.#server.listen(0, '127.0.0.1');
    await once(meter.#server, 'listening');
    return meter;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #relay(client: Socket): void {
    this.connections++;
    const simulator = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    client.on('data', (chunk) => {
      this.bytes += chunk.length;
    });
    for (const [from, to] of [
      [client, simulator],
      [simulator, client],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      // The close that follows does what there is to do.
      from.on('error', () => undefined);
    }
  }
}
