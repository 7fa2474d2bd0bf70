// What the clock says of an access token. Only ever a warning: whether a token lives is Kite's to say.
import { ACCESS_TOKEN_WARNING_MS } from '../../shared/limits.ts';
import type { LoginStatus } from '../../shared/status.ts';

/** `expires_soon` in the hour before its end, `overdue` after it; undefined when all is well or no end is known. */
export function tokenWarning(expiresAtMs: number | undefined, nowMs: number): LoginStatus['warning'] {
  if (expiresAtMs === undefined || nowMs < expiresAtMs - ACCESS_TOKEN_WARNING_MS) return undefined;
  return nowMs < expiresAtMs ? 'expires_soon' : 'overdue';
}
