// TCP ports of loopback: is one free, and which one is.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const EPHEMERAL_PORT_IANA = 49_152;
/** Below are the well-known ones of services. */
const FREE_PORT_MIN = 10_000;
const FREE_PORT_TRIES_MAX = 200;

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

/** Ports that this process has looked at: two parts that start together must not be told the same one. */
const given = new Set<number>();

/** First port that the kernel gives by itself; no ports below it are given to outgoing connections. */
function firstEphemeralPort(): number {
  try {
    const [first] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t');
    return Number(first);
  } catch {
    // No Linux: IANA's range, which macOS and Windows use.
    return EPHEMERAL_PORT_IANA;
  }
}

/**
 * A port of 127.0.0.1 that nothing listens on and that was not asked for before in this process. It is not reserved, and whoever
 * asked may need seconds to take it, so it is none that the kernel could give to a connection meanwhile, as port 0 would get. Throws
 * when it finds none.
 */
export async function findFreePort(): Promise<number> {
  const end = firstEphemeralPort();
  for (let i = 0; i < FREE_PORT_TRIES_MAX; i++) {
    const port = randomInt(FREE_PORT_MIN, Math.max(end, FREE_PORT_MIN + 1));
    if (given.has(port)) continue;
    given.add(port);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`no free port between ${FREE_PORT_MIN} and ${end} in ${FREE_PORT_TRIES_MAX} tries`);
}
