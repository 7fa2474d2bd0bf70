// What a REST route is: a method, a path with parameters, a rate limit class, and a handler that returns what to reply.
import type { AccountSessions, SimulatedAccount } from './account-sessions.ts';
import type { Market } from './core/market.ts';
import type { RequestClass } from './core/request-window.ts';
import type { OrderDesk } from './order-desk.ts';

export type RestReply =
  | { readonly kind: 'data'; readonly data: unknown }
  | { readonly kind: 'redirect'; readonly location: string }
  /** The instrument dump, of one exchange or whole. */
  | { readonly kind: 'instruments'; readonly exchange: string | undefined };

export interface RestCall {
  readonly sessions: AccountSessions;
  readonly market: Market;
  readonly orders: OrderDesk;
  readonly seed: number;
  readonly nowMs: number;
  /** Path parameters by name. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
}

export interface AuthenticatedCall extends RestCall {
  readonly account: SimulatedAccount;
}

interface RouteShape {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Segments that start with a colon are parameters. */
  readonly path: string;
}

export type RestRoute = RouteShape &
  (
    | {
        readonly isPublic: true;
        readonly requestClass: RequestClass;
        readonly handle: (call: RestCall) => RestReply;
      }
    | {
        readonly isPublic: false;
        /** Order writes are limited per user, and by their address; everything else per app. */
        readonly requestClass: RequestClass | 'order';
        readonly handle: (call: AuthenticatedCall) => RestReply;
      }
  );

/** The parameters if the path is the route's, else undefined. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [i, segment] of wanted.entries()) {
    const value = given[i] ?? '';
    if (segment.startsWith(':')) parameters[segment.slice(1)] = value;
    else if (segment !== value) return undefined;
  }
  return parameters;
}

export function dataReply(data: unknown): RestReply {
  return { kind: 'data', data };
}
