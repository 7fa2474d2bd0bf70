// Where a request carries its token: a header, the offered subprotocols, or the query.
import { WIRE_SUBPROTOCOL } from '../../shared/wire/frame.ts';

/** Subprotocols of sockets that we speak. */
const SUBPROTOCOLS: readonly string[] = ['ticker.json', WIRE_SUBPROTOCOL];
const BEARER_PREFIX = 'bearer.';

function offeredSubprotocols(request: Request): string[] {
  const header = request.headers.get('sec-websocket-protocol') ?? '';
  return header.split(',').flatMap((name) => name.trim() || []);
}

/** Of the text and not of a URL: with a token in it, that takes twice the time of everything else here. */
export function queryOf({ url }: Request): URLSearchParams {
  const at = url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
}

/**
 * `Authorization: Bearer`; else, as browsers cannot set that for a socket, the subprotocol `bearer.<token>`; else the
 * query `?token=`, which ends up in logs and is there for clients that know nothing else. Undefined when there is none.
 */
export function tokenOf(request: Request): string | undefined {
  const header = request.headers.get('authorization');
  if (header?.toLowerCase().startsWith('bearer ')) return header.slice('bearer '.length).trim();
  const offered = offeredSubprotocols(request).find((name) => name.startsWith(BEARER_PREFIX));
  return offered?.slice(BEARER_PREFIX.length) ?? queryOf(request).get('token') ?? undefined;
}

/**
 * The subprotocol to select: the first offered that we speak, as a client offers what it likes best first. Never the one with the token, which the answer would
 * repeat; a browser that offers only that drops the socket.
 */
export function subprotocolOf(request: Request): string | undefined {
  return offeredSubprotocols(request).find((name) => SUBPROTOCOLS.includes(name));
}

/** Whether the client has asked to send its token as its first message. */
export function wantsToAuthenticateLater(request: Request): boolean {
  return queryOf(request).get('auth') === 'message';
}
