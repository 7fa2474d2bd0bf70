// Kite accounts as sidecar and edge know them: what an id looks like, and how long an access token lives.

/** Short, and plain in URLs, logs and metrics. */
export const ACCOUNT_ID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,31}$/;
/** As Kite issues them: letters and digits; the signs are for simulators. */
export const KITE_API_KEY_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

const DAY_MS = 86_400_000;
const IST_OFFSET_MS = 5.5 * 3_600_000;
/** Access tokens end at 06:00 in India, whenever they were issued (kite.trade/docs/connect/v3/user). */
const EXPIRY_TIME_OF_DAY_MS = 6 * 3_600_000;

/**
 * When a token that lives at `issuedAtMs` is due to end: the first 06:00 in India after it. Kite may end it earlier (a
 * logout, another login of the same app) or up to an hour and a half later: good for a warning, never for a verdict.
 */
export function accessTokenExpiresAtMs(issuedAtMs: number): number {
  const sinceExpiryMs = issuedAtMs + IST_OFFSET_MS - EXPIRY_TIME_OF_DAY_MS;
  return (Math.floor(sinceExpiryMs / DAY_MS) + 1) * DAY_MS - IST_OFFSET_MS + EXPIRY_TIME_OF_DAY_MS;
}
