// Why a gateway does not take a socket, as the Worker that knocks is told.
import { GATEWAY_SOCKETS_MAX } from '../../shared/limits.ts';
import type { ConnectionQuota } from '../core/connection-quota.ts';
import type { Upgrade } from '../core/upgrade.ts';

/** Counts the socket in, or answers why there is no place for it here. `isClosed` while nobody is let in. */
export function refusalOf(
  { bearer, address, socketsMax }: Upgrade,
  quota: ConnectionQuota,
  sockets: number,
  isClosed: boolean,
): Response | undefined {
  const isKnown = bearer !== undefined && quota.has(bearer.userId);
  const isFull = sockets >= (isKnown ? GATEWAY_SOCKETS_MAX : Math.min(socketsMax, GATEWAY_SOCKETS_MAX));
  if (isFull || isClosed) return new Response('gateway full', { status: 503 });
  const refusal = quota.add(bearer?.userId, address);
  return refusal && new Response(`Too many connections of this ${refusal}`, { status: 429 });
}
