// TCP ports of loopback: is one free, and which one is.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** True when something can listen on `port` of 127.0.0.1 now. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    // Taken, or not ours to take (below 1024): either way the caller needs another one.
    return false;
  } finally {
    server.close();
  }
}

/** A port that nothing listens on. It is not reserved: whoever asked should take it soon. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
