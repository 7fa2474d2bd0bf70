// API keys of servers that call the REST API: what one looks like, and what one may be allowed.

/** 256 random bits as base64url behind a prefix that secret scanners can look for. */
export const API_KEY_PREFIX = 'te_';
export const API_KEY_PATTERN = /^te_[A-Za-z0-9_-]{43}$/;

/** What a key may be allowed to do. */
export const API_KEY_SCOPES = [
  'market:read',
  'orders:read',
  'orders:write',
  'orders:halt',
  'tokens:revoke',
  'gateways:drain',
  'stats:read',
  'accounts:read',
  'accounts:write',
  'instruments:read',
  'subscriptions:read',
  'subscriptions:write',
] as const;
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];
