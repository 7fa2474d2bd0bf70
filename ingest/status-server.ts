// The sidecar's own window, on loopback only: GET /status as JSON, GET /metrics for Prometheus.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SidecarStatus } from '../shared/status.ts';
import { prometheusText } from './metrics.ts';

export interface StatusServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Listens on 127.0.0.1; port 0 takes a free one. Rejects when the port is taken. */
export async function startStatusServer(port: number, status: () => SidecarStatus): Promise<StatusServer> {
  const server = createServer((request, response) => {
    const answer = (httpStatus: number, contentType: string, text: string) => {
      response.writeHead(httpStatus, { 'content-type': contentType, 'cache-control': 'no-store' });
      response.end(text);
    };
    // Only GET: nothing can be changed here, and no page that a browser has open can make it look otherwise.
    const route = request.method === 'GET' ? request.url : undefined;
    if (route === '/status') answer(200, 'application/json', JSON.stringify(status()));
    else if (route === '/metrics') answer(200, 'text/plain; version=0.0.4', prometheusText(status()));
    else answer(404, 'application/json', '{"error":"not_found"}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  // A TCP server that listens has an address of this kind.
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
