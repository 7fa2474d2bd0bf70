// A connection to a database that dies at the worst moment: an error for who asked, and for nobody else.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../ingest/clock.ts';
import { DatabaseSession } from '../../../ingest/store/db.ts';

/** Messages of PostgreSQL's protocol, version 3: authentication is done, and it is ready for a query. */
const AUTHENTICATION_OK = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]);
const READY_FOR_QUERY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

let server: Server;
let connections: number;

beforeEach(async () => {
  connections = 0;
  server = createServer((socket) => {
    connections++;
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(Buffer.concat([AUTHENTICATION_OK, READY_FOR_QUERY]));
      // Whatever is asked first is not answered any more.
      socket.once('data', () => socket.resetAndDestroy());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.close();
  await once(server, 'close');
});

test('dying before the first answer it costs that answer, and the next question gets another connection', async () => {
  const url = `postgres://u:p@127.0.0.1:${(server.address() as AddressInfo).port}/none`;
  const session = new DatabaseSession(url, systemClock, 5_000);
  // An unhandled rejection besides would fail the run.
  for (let question = 1; question <= 3; question++) {
    await expect(session.ask((sql) => sql`select 1`)).rejects.toThrow(/ECONNRESET|CONNECTION_CLOSED/);
    expect(connections).toBe(question);
  }
  session.close();
});
