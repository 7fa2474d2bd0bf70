// The one table of error codes: every refusal that leaves the process is one of these.

/** HTTP status and WebSocket close code of each error. A null close code means the socket stays open. */
export const ERRORS = {
  // What a client said.
  invalid_json: { httpStatus: 400, closeCode: null },
  invalid_message: { httpStatus: 400, closeCode: null },
  unknown_action: { httpStatus: 400, closeCode: null },
  invalid_tokens: { httpStatus: 400, closeCode: null },
  too_many_tokens: { httpStatus: 400, closeCode: null },
  invalid_instrument_token: { httpStatus: 400, closeCode: null },
  invalid_symbol: { httpStatus: 400, closeCode: null },
  unknown_instrument: { httpStatus: 404, closeCode: null },
  unknown_account: { httpStatus: 404, closeCode: null },
  unknown_request: { httpStatus: 400, closeCode: null },
  subscription_limit: { httpStatus: 400, closeCode: null },
  filter_limit: { httpStatus: 400, closeCode: null },
  message_too_big: { httpStatus: 413, closeCode: null },
  rate_limited: { httpStatus: 429, closeCode: null },
  too_many_commands: { httpStatus: 429, closeCode: 4029 },
  invalid_parameter: { httpStatus: 400, closeCode: null },
  // Who the client is.
  missing_token: { httpStatus: 401, closeCode: 1008 },
  token_expired: { httpStatus: 401, closeCode: 1008 },
  authentication_failed: { httpStatus: 401, closeCode: 1008 },
  keys_unavailable: { httpStatus: 503, closeCode: 1013 },
  forbidden: { httpStatus: 403, closeCode: 1008 },
  session_expired: { httpStatus: 401, closeCode: 4001 },
  token_revoked: { httpStatus: 401, closeCode: 4001 },
  not_authenticated: { httpStatus: 401, closeCode: 4002 },
  authenticate_first: { httpStatus: 401, closeCode: null },
  renewal_failed: { httpStatus: 401, closeCode: null },
  wrong_user: { httpStatus: 403, closeCode: null },
  too_many_connections: { httpStatus: 429, closeCode: 4003 },
  missing_api_key: { httpStatus: 401, closeCode: null },
  invalid_api_key: { httpStatus: 401, closeCode: null },
  // Kite accounts.
  account_exists: { httpStatus: 409, closeCode: null },
  account_limit: { httpStatus: 409, closeCode: null },
  credentials_unavailable: { httpStatus: 503, closeCode: null },
  // Orders.
  idempotency_conflict: { httpStatus: 409, closeCode: null },
  orders_halted: { httpStatus: 409, closeCode: null },
  order_limit: { httpStatus: 429, closeCode: null },
  postback_checksum: { httpStatus: 401, closeCode: null },
  // What the sidecar sent.
  ingest_unsigned: { httpStatus: 401, closeCode: null },
  ingest_signature: { httpStatus: 401, closeCode: null },
  ingest_time: { httpStatus: 401, closeCode: null },
  ingest_replayed: { httpStatus: 401, closeCode: null },
  ingest_superseded: { httpStatus: 409, closeCode: 4009 },
  ingest_frame: { httpStatus: 400, closeCode: null },
  ingest_too_big: { httpStatus: 413, closeCode: null },
  // What a server sent, as a client of ours reads it: see docs/wire.md.
  frame_truncated: { httpStatus: 502, closeCode: null },
  frame_invalid: { httpStatus: 502, closeCode: null },
  frame_version: { httpStatus: 502, closeCode: null },
  frame_missed: { httpStatus: 502, closeCode: null },
  // What we could not do.
  not_found: { httpStatus: 404, closeCode: null },
  upgrade_required: { httpStatus: 426, closeCode: null },
  symbols_unavailable: { httpStatus: 503, closeCode: null },
  sidecar_unavailable: { httpStatus: 503, closeCode: null },
  shard_unavailable: { httpStatus: 503, closeCode: null },
  gateway_unavailable: { httpStatus: 503, closeCode: null },
  gateway_full: { httpStatus: 503, closeCode: 4013 },
  slow_client: { httpStatus: 503, closeCode: 4008 },
  goaway: { httpStatus: 503, closeCode: 4100 },
  database_unavailable: { httpStatus: 503, closeCode: null },
  internal: { httpStatus: 500, closeCode: 1011 },
} as const satisfies Record<string, { httpStatus: number; closeCode: number | null }>;

export type ErrorCode = keyof typeof ERRORS;

/**
 * What a client does after a close: `stop` until something is different (a new token, fewer connections), reconnect
 * after a wait that grows (`backoff`), or reconnect at once (`now`).
 */
export type RetryVerdict = 'stop' | 'backoff' | 'now';

/** Codes whose verdict is not that of their range: one of the protocol's own, and those below 4100 that pass with time. */
const VERDICT_OF_CODE: Readonly<Record<number, RetryVerdict>> = {
  1008: 'stop',
  1012: 'now',
  [ERRORS.slow_client.closeCode]: 'backoff',
  [ERRORS.gateway_full.closeCode]: 'backoff',
  [ERRORS.too_many_commands.closeCode]: 'backoff',
};

/**
 * Verdict of any close code, also of one that this version does not know: by range, so that a new code is understood
 * by old clients. 4000-4099 stop; 4100-4199 planned, `backoff` unless a `goaway` message has said when; 4200-4299 now;
 * everything else (a lost network is 1006) `backoff`.
 */
export function verdictOfCloseCode(closeCode: number): RetryVerdict {
  const known = VERDICT_OF_CODE[closeCode];
  if (known !== undefined) return known;
  if (closeCode >= 4000 && closeCode <= 4099) return 'stop';
  if (closeCode >= 4200 && closeCode <= 4299) return 'now';
  return 'backoff';
}

/** An error that may be shown to the caller: its message names the field and the value, never a secret. */
export class AppError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
  }

  get httpStatus(): number {
    return ERRORS[this.code].httpStatus;
  }
}

/** Throws when an invariant of ours is broken; never used for what somebody else sent. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** Makes a switch over a discriminated union total: the compiler refuses a missing case. */
export function assertNever(value: never): never {
  throw new Error(`unexpected variant: ${JSON.stringify(value)}`);
}
