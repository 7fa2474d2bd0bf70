import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { findFreePort, isPortFree } from '../../dev/free-port.ts';

test('a port is free until something listens on it, and again afterwards', async () => {
  const port = await findFreePort();
  expect(await isPortFree(port)).toBe(true);
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  expect(await isPortFree(port)).toBe(false);
  server.close();
  await once(server, 'close');
  expect(await isPortFree(port)).toBe(true);
});

test('ports are given once each, and none that the kernel could give to an outgoing connection', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, findFreePort));
  expect(new Set(ports).size).toBe(50);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [first] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t');
  expect((server.address() as AddressInfo).port).toBeGreaterThanOrEqual(Number(first));
  for (const port of ports) expect(port).toBeLessThan(Number(first));
  server.close();
});
