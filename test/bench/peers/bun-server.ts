// The fan-out of Bun's own server: a topic per instrument, which it publishes a tick to once.
import { serveRounds } from './packet-rounds.ts';

interface BunSocket {
  subscribe(topic: string): void;
  send(text: string): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
  publish(topic: string, data: Uint8Array): number;
}

/** As far as it is used here; this file runs under Bun only. */
declare const Bun: {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly fetch: (request: Request) => Response | undefined;
    readonly websocket: {
      readonly perMessageDeflate: boolean;
      readonly message: (socket: BunSocket, text: string) => void;
    };
  }): BunServer;
};

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: (request) =>
    server.upgrade(request) ? undefined : new Response('a WebSocket endpoint', { status: 426 }),
  websocket: {
    perMessageDeflate: false,
    message(socket, text) {
      for (const instrument of JSON.parse(text).tokens) socket.subscribe(String(instrument));
      socket.send('{"type":"subscribed"}');
    },
  },
});
serveRounds(server.port, (instrument, packet) => server.publish(String(instrument), packet));
