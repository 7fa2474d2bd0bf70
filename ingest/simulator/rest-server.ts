// Kite's REST v3 over HTTP: routing, authentication, rate limits and the envelopes (kite.trade/docs/connect/v3/response-structure).
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNever } from '../../shared/errors.ts';
import type { AccountSessions, SimulatedAccount } from './account-sessions.ts';
import type { FaultBook, FaultSubject } from './control/fault-book.ts';
import { RequestWindow } from './core/request-window.ts';
import { inputError, KiteError, kiteErrorOf, tokenError } from './kite-error.ts';
import { MARKET_ROUTES } from './market-routes.ts';
import type { OrderDesk } from './order-desk.ts';
import { ORDER_ROUTES } from './order-routes.ts';
import { readBody } from './request-body.ts';
import {
  csvAnswer,
  errorAnswer,
  jsonAnswer,
  REPLACING_FAULTS,
  type ReplacingFault,
  type RestAnswer,
  redirectAnswer,
  replaceAnswer,
  SPOILING_FAULTS,
  sendAnswer,
} from './rest-answer.ts';
import { matchPath, type RestReply, type RestRoute } from './rest-route.ts';
import { USER_ROUTES } from './user-routes.ts';
import type { Venue } from './venue.ts';

const ROUTES: readonly RestRoute[] = [...USER_ROUTES, ...ORDER_ROUTES, ...MARKET_ROUTES];

export interface RestServerParts {
  readonly sessions: AccountSessions;
  readonly venue: Venue;
  readonly orders: OrderDesk;
  readonly faults: FaultBook;
  readonly seed: number;
  readonly nowMs: () => number;
}

/** A request as it was read. */
interface Asked {
  readonly request: IncomingMessage;
  readonly method: string;
  readonly url: URL;
  readonly form: URLSearchParams;
}

export class RestServer {
  readonly #parts: RestServerParts;
  readonly #window = new RequestWindow();

  constructor(parts: RestServerParts) {
    this.#parts = parts;
  }

  /** Answers one request, unless a fault has it otherwise; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const asked = await readRequest(request);
      const subject = this.#subjectOf(asked);
      this.#countPost(asked, subject);
      await this.#delay(subject);
      const replacing = this.#parts.faults.happening(REPLACING_FAULTS, subject)?.fault;
      const answer = await this.#answerOrFault(asked, replacing);
      if (answer === undefined) return;
      const spoiling = this.#parts.faults.happening(SPOILING_FAULTS, subject);
      await sendAnswer(response, request, answer, spoiling);
    } catch (error) {
      // A caller that left while it was being read, or served, has nobody to answer to.
      if (response.destroyed || response.headersSent) response.destroy();
      else await sendAnswer(response, request, errorAnswer(kiteErrorOf(error)), undefined);
    }
  }

  /** Also what a fault keeps from being carried out: a caller that repeats it has sent it twice. */
  #countPost({ method, url, form }: Asked, { userId }: FaultSubject): void {
    const tag = form.get('tag') ?? '';
    if (method !== 'POST' || userId === undefined || tag === '' || !url.pathname.startsWith('/orders/'))
      return;
    this.#parts.orders.countPost(userId, tag);
  }

  async #delay(subject: FaultSubject): Promise<void> {
    const active = this.#parts.faults.happening(['rest_delay'], subject);
    if (active === undefined) return;
    const { ms, jitter_ms: jitterMs } = active.fault;
    // A simulator that stops does not wait for it.
    await sleep(ms + jitterMs * active.random.unit(), undefined, { ref: false });
  }

  /** Undefined when the caller gets no answer. */
  async #answerOrFault(asked: Asked, fault: ReplacingFault | undefined): Promise<RestAnswer | undefined> {
    if (fault?.stage === 'before') return replaceAnswer(fault, asked.request);
    const answer = await this.#answer(asked).catch((error) => errorAnswer(kiteErrorOf(error)));
    return fault === undefined ? answer : replaceAnswer(fault, asked.request);
  }

  async #answer(asked: Asked): Promise<RestAnswer> {
    const reply = this.#reply(asked);
    switch (reply.kind) {
      case 'data':
        return jsonAnswer(200, { status: 'success', data: reply.data });
      case 'redirect':
        return redirectAnswer(reply.location);
      case 'instruments': {
        const bytes = await this.#parts.venue.dump.bytesOf(reply.exchange);
        if (bytes === undefined) throw inputError(`Invalid exchange '${reply.exchange ?? ''}'.`);
        return csvAnswer(bytes.plain, bytes.gzipped);
      }
      default:
        return assertNever(reply);
    }
  }

  #reply({ request, method, url, form }: Asked): RestReply {
    const { route, path } = findRoute(method, url.pathname);
    const { sessions, venue, orders, seed } = this.#parts;
    const nowMs = this.#parts.nowMs();
    const account = this.#accountOf(request);
    if (!route.isPublic && account === undefined) throw tokenError('Incorrect `api_key` or `access_token`.');
    // Without a valid token the caller is its address, so that nobody spends another's allowance.
    const address = request.socket.remoteAddress ?? '';
    const caller = account?.apiKey ?? `address ${address}`;
    if (route.requestClass !== 'order' && !this.#window.admit(caller, route.requestClass, nowMs))
      throw new KiteError(429, 'NetworkException', 'Too many requests');
    const { market } = venue;
    const call = { sessions, market, orders, seed, nowMs, path, query: url.searchParams, form };
    if (route.isPublic) return route.handle(call);
    if (account === undefined) throw tokenError('Incorrect `api_key` or `access_token`.');
    if (route.requestClass === 'order') orders.admit(account, address);
    return route.handle({ ...call, account });
  }

  #accountOf(request: IncomingMessage): SimulatedAccount | undefined {
    const [apiKey, accessToken] = credentialsOf(request);
    if (apiKey === undefined || accessToken === undefined) return undefined;
    return this.#parts.sessions.authenticate(apiKey, accessToken);
  }

  /** Whom the request says that it is from, with a good token or without. */
  #subjectOf({ request, method, url, form }: Asked): FaultSubject {
    const [named] = credentialsOf(request);
    const apiKey = named ?? url.searchParams.get('api_key') ?? form.get('api_key') ?? undefined;
    const userId = this.#parts.sessions.accountOf(apiKey ?? '')?.userId;
    return { apiKey, userId, method, path: url.pathname };
  }
}

function credentialsOf(
  request: IncomingMessage,
): [apiKey: string | undefined, accessToken: string | undefined] {
  const parts = /^token ([^:]+):(.+)$/.exec(request.headers.authorization ?? '');
  return [parts?.[1], parts?.[2]];
}

async function readRequest(request: IncomingMessage): Promise<Asked> {
  const url = URL.parse(request.url ?? '/', 'http://simulator');
  if (url === null) throw new KiteError(404, 'GeneralException', 'Route not found');
  const form = new URLSearchParams(await readBody(request));
  return { request, method: request.method ?? '', url, form };
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
