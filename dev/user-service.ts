// The local stand-in of the team's user service: its login route and its public keys, for the demo users.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DEMO_USERS } from './demo-users.ts';
import { LOGIN_BODY_BYTES_MAX, LOGIN_TOKEN_S } from './limits.ts';
import type { TokenIssuer } from './token-issuer.ts';

export interface UserService {
  readonly url: string;
  stop(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

/** The body as text, undefined when it is larger than a login can be. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LOGIN_BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseCredentials(text: string): { email: string; password: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON is answered like any other body without the two fields.
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('email' in value) || !('password' in value))
    return undefined;
  const { email, password } = value;
  return typeof email === 'string' && typeof password === 'string' ? { email, password } : undefined;
}

async function login(request: IncomingMessage, issuer: TokenIssuer): Promise<Reply> {
  const text = await readBody(request);
  if (text === undefined) return { status: 413, body: { detail: `body over ${LOGIN_BODY_BYTES_MAX} bytes` } };
  const credentials = parseCredentials(text);
  if (!credentials)
    return { status: 422, body: { detail: 'email and password must be strings in a JSON object' } };
  const user = DEMO_USERS.find(
    ({ email, password }) => email === credentials.email && password === credentials.password,
  );
  if (!user) return { status: 401, body: { detail: 'Invalid email or password' } };
  return {
    status: 200,
    body: {
      access_token: await issuer.mint(user, { expiresInS: LOGIN_TOKEN_S }),
      token_type: 'bearer',
      expires_in: LOGIN_TOKEN_S,
      user: { user_id: user.userId, email: user.email },
    },
  };
}

async function answer(request: IncomingMessage, issuer: TokenIssuer): Promise<Reply> {
  const path = request.url?.split('?')[0];
  if (request.method === 'OPTIONS') return { status: 204 };
  if (path === '/v1/auth/login') {
    return request.method === 'POST' ? login(request, issuer) : { status: 405, body: { detail: 'use POST' } };
  }
  if (path === '/v1/auth/.well-known/jwks.json') return { status: 200, body: issuer.jwks };
  if (path === '/health') return { status: 200, body: { status: 'ok' } };
  return { status: 404, body: { detail: `no route ${request.method} ${path}` } };
}

function send(response: ServerResponse, { status, body }: Reply): void {
  // Any page of a developer may log in here: there is nothing but demo users behind it.
  response.writeHead(status, {
    'access-control-allow-origin': '*',
    'access-control-allow-headers': 'content-type, authorization',
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    // An unread body, as of a refused oversize login, would be taken for the next request.
    ...(status === 413 ? { connection: 'close' } : {}),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

/** Listens on loopback, on a free port for port 0. */
export async function startUserService(options: { port: number; issuer: TokenIssuer }): Promise<UserService> {
  const server = createServer((request, response) => {
    answer(request, options.issuer).then(
      (reply) => send(response, reply),
      () => send(response, { status: 500, body: { detail: 'internal error' } }),
    );
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
