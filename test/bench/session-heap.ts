// Program: prints the heap bytes that one session of a gateway takes, by making many of them. Run with --expose-gc.
import { ConnectionQuota } from '../../worker/core/connection-quota.ts';
import { GatewayBook } from '../../worker/core/gateway-book.ts';
import type { SubscribeItem } from '../../worker/core/protocol.ts';
import { SessionDeadlines } from '../../worker/core/session-deadlines.ts';
import type { Bearer } from '../../worker/core/upgrade.ts';

interface FakeSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  attachment: unknown;
  serializeAttachment(this: FakeSocket, value: unknown): void;
}

/** The part of worker/durable/client-sockets.ts that is used here: its types are the Worker's, and here it only runs. */
interface ClientSocketsModule {
  readonly ClientSockets: new (
    book: GatewayBook,
    onGone: () => void,
  ) => {
    open(
      socket: FakeSocket,
      identity: object,
      bearer: Bearer,
    ): { readonly index: number; readonly socket: FakeSocket };
    remember(session: object): void;
  };
}

const SESSIONS = 5_000;
const collectGarbage = (globalThis as { gc?: () => void }).gc;
if (!collectGarbage) throw new Error('run with --expose-gc');

function usedBytes(): number {
  collectGarbage?.();
  collectGarbage?.();
  return process.memoryUsage().heapUsed;
}

/** As it comes with an upgrade: every text of it is a new one. */
function bearerOf(i: number): Bearer {
  return JSON.parse(
    `{"userId":"user_${i}","email":"trader_${i}@example.com","name":"Trader ${i}","roles":["trader"],` +
      `"permissions":["market:read","subscriptions:write"],"expiresAtS":1764003600,"issuedAtS":1764000000}`,
  ) as Bearer;
}

const socketMethods = {
  readyState: 1,
  bufferedAmount: 0,
  // The runtime keeps attachments outside of the heap, as bytes.
  serializeAttachment: () => undefined,
};

/** Heap bytes per session with so many subscriptions each, of the same instruments; the sockets not counted. */
function bytesPerSession({ ClientSockets }: ClientSocketsModule, items: readonly SubscribeItem[]): number {
  const sockets = Array.from({ length: SESSIONS }, () => Object.create(socketMethods) as FakeSocket);
  const book = new GatewayBook(0);
  const quota = new ConnectionQuota();
  const deadlines = new SessionDeadlines();
  const clientSockets = new ClientSockets(book, () => undefined);
  const before = usedBytes();
  for (const [i, socket] of sockets.entries()) {
    const bearer = bearerOf(i);
    const identity = { dialect: 'native-json', connectionId: crypto.randomUUID(), connectedAtMs: Date.now() };
    quota.add(bearer.userId, undefined);
    const session = clientSockets.open(socket, identity, bearer);
    deadlines.followToken(session.index, bearer.expiresAtS * 1000, false);
    if (items.length > 0) book.subscribe(session.index, items);
    clientSockets.remember(session);
  }
  const bytes = (usedBytes() - before) / SESSIONS;
  // Whatever is not used after the measurement may have been collected before it.
  if (deadlines.nextAtMs() === 0 || !quota.has('user_0') || sockets.length !== SESSIONS || !clientSockets) {
    throw new Error('the sessions are not there');
  }
  return bytes;
}

const modulePath = new URL('../../worker/durable/client-sockets.ts', import.meta.url).href;
const module = (await import(modulePath)) as ClientSocketsModule;
const items = Array.from(
  { length: 100 },
  (_, i): SubscribeItem => ({ token: ((i + 1) * 256 + 1) as SubscribeItem['token'], rank: 3, speed: 'rt' }),
);
bytesPerSession(module, []);
const idle = bytesPerSession(module, []);
const subscribed = bytesPerSession(module, items);
console.log(JSON.stringify({ idle, perSubscription: (subscribed - idle) / items.length }));
