// Kite's REST v3 over HTTP: routing, authentication, rate limits and the envelopes (kite.trade/docs/connect/v3/response-structure).
import type { IncomingMessage, ServerResponse } from 'node:http';
import { assertNever } from '../../shared/errors.ts';
import { SIMULATOR_REQUEST_BODY_BYTES_MAX } from '../../shared/limits.ts';
import type { AccountSessions, SimulatedAccount } from './account-sessions.ts';
import type { Market } from './core/market.ts';
import { RequestWindow } from './core/request-window.ts';
import type { InstrumentDump } from './instrument-dump.ts';
import { inputError, KiteError, tokenError } from './kite-error.ts';
import { MARKET_ROUTES } from './market-routes.ts';
import { matchPath, type RestReply, type RestRoute } from './rest-route.ts';
import { USER_ROUTES } from './user-routes.ts';

const ROUTES: readonly RestRoute[] = [...USER_ROUTES, ...MARKET_ROUTES];

export interface RestServerParts {
  readonly sessions: AccountSessions;
  readonly market: Market;
  readonly dump: InstrumentDump;
  readonly seed: number;
  readonly nowMs: () => number;
}

export class RestServer {
  readonly #parts: RestServerParts;
  readonly #window = new RequestWindow();

  constructor(parts: RestServerParts) {
    this.#parts = parts;
  }

  /** Answers one request; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#send(response, request, await this.#reply(request));
    } catch (error) {
      const known =
        error instanceof KiteError
          ? error
          : new KiteError(500, 'GeneralException', 'Something went wrong in the simulator.');
      if (!(error instanceof KiteError)) process.emitWarning(error instanceof Error ? error : String(error));
      sendError(response, known);
    }
  }

  async #reply(request: IncomingMessage): Promise<RestReply> {
    const url = URL.parse(request.url ?? '/', 'http://simulator');
    if (url === null) throw new KiteError(404, 'GeneralException', 'Route not found');
    const { route, path } = findRoute(request.method ?? '', url.pathname);
    const { sessions, market, seed } = this.#parts;
    const nowMs = this.#parts.nowMs();
    const account = this.#accountOf(request);
    if (!route.isPublic && account === undefined) throw tokenError('Incorrect `api_key` or `access_token`.');
    // Without a valid token the caller is its address, so that nobody spends another's allowance.
    const caller = account?.apiKey ?? `address ${request.socket.remoteAddress ?? ''}`;
    if (!this.#window.admit(caller, route.requestClass, nowMs))
      throw new KiteError(429, 'NetworkException', 'Too many requests');
    const form = new URLSearchParams(await readBody(request));
    const call = { sessions, market, seed, nowMs, path, query: url.searchParams, form };
    if (route.isPublic) return route.handle(call);
    if (account === undefined) throw tokenError('Incorrect `api_key` or `access_token`.');
    return route.handle({ ...call, account });
  }

  #accountOf(request: IncomingMessage): SimulatedAccount | undefined {
    const parts = /^token ([^:]+):(.+)$/.exec(request.headers.authorization ?? '');
    const [, apiKey, accessToken] = parts ?? [];
    if (apiKey === undefined || accessToken === undefined) return undefined;
    return this.#parts.sessions.authenticate(apiKey, accessToken);
  }

  async #send(response: ServerResponse, request: IncomingMessage, reply: RestReply): Promise<void> {
    switch (reply.kind) {
      case 'data':
        sendJson(response, 200, { status: 'success', data: reply.data });
        return;
      case 'redirect':
        response.writeHead(302, { location: reply.location, 'content-length': 0 }).end();
        return;
      case 'instruments': {
        const bytes = await this.#parts.dump.bytesOf(reply.exchange);
        if (bytes === undefined) throw inputError(`Invalid exchange '${reply.exchange ?? ''}'.`);
        const isGzipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
        const body = isGzipped ? bytes.gzipped : bytes.plain;
        // Exactly this type: with a charset behind it the official JavaScript client does not parse the rows.
        response.setHeader('content-type', 'text/csv');
        if (isGzipped) response.setHeader('content-encoding', 'gzip');
        response.writeHead(200, { 'content-length': body.byteLength }).end(body);
        return;
      }
      default:
        assertNever(reply);
    }
  }
}

function findRoute(method: string, pathname: string): { route: RestRoute; path: Record<string, string> } {
  let isPathKnown = false;
  for (const route of ROUTES) {
    const path = matchPath(route.path, pathname);
    if (path === undefined) continue;
    if (route.method === method) return { route, path };
    isPathKnown = true;
  }
  if (isPathKnown) throw new KiteError(405, 'GeneralException', 'Method not allowed');
  throw new KiteError(404, 'GeneralException', 'Route not found');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) continue;
    bytes += chunk.byteLength;
    if (bytes > SIMULATOR_REQUEST_BODY_BYTES_MAX)
      throw inputError(`Request body exceeds ${SIMULATOR_REQUEST_BODY_BYTES_MAX} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.byteLength })
    .end(bytes);
}

function sendError(response: ServerResponse, error: KiteError): void {
  const { httpStatus, message, errorType } = error;
  const told = { status: 'error', message, error_type: errorType };
  // Kite's gate answers 429 before its API does, and without `data` (forum 43297).
  sendJson(response, httpStatus, httpStatus === 429 ? told : { ...told, data: null });
}
