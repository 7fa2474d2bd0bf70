// The fan-out of a server on the `ws` package: a set of sockets per instrument, a message per tick and subscriber.
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { instrumentCount, serveRounds } from './packet-rounds.ts';

const subscribers = Array.from({ length: instrumentCount }, () => new Set<WebSocket>());

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('message', (data) => {
    for (const instrument of JSON.parse(String(data)).tokens) subscribers[instrument]?.add(socket);
    socket.send('{"type":"subscribed"}');
  });
  socket.on('close', () => {
    for (const sockets of subscribers) sockets.delete(socket);
  });
});
server.on('listening', () => {
  serveRounds((server.address() as AddressInfo).port, (instrument, packet) => {
    for (const socket of subscribers[instrument] ?? []) socket.send(packet);
  });
});
