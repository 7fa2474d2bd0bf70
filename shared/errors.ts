// The one table of error codes: every refusal that leaves the process is one of these.

/** HTTP status and WebSocket close code of each error. A null close code means the socket stays open. */
export const ERRORS = {
  // What a client said.
  invalid_json: { httpStatus: 400, closeCode: null },
  invalid_message: { httpStatus: 400, closeCode: null },
  unknown_action: { httpStatus: 400, closeCode: null },
  invalid_tokens: { httpStatus: 400, closeCode: null },
  invalid_instrument_token: { httpStatus: 400, closeCode: null },
  unknown_instrument: { httpStatus: 404, closeCode: null },
  subscription_limit: { httpStatus: 400, closeCode: null },
  message_too_big: { httpStatus: 413, closeCode: null },
  too_many_commands: { httpStatus: 429, closeCode: 4029 },
  invalid_parameter: { httpStatus: 400, closeCode: null },
  // Who the client is.
  missing_token: { httpStatus: 401, closeCode: 1008 },
  token_expired: { httpStatus: 401, closeCode: 1008 },
  authentication_failed: { httpStatus: 401, closeCode: 1008 },
  keys_unavailable: { httpStatus: 503, closeCode: 1013 },
  forbidden: { httpStatus: 403, closeCode: 1008 },
  // What the sidecar sent.
  ingest_unsigned: { httpStatus: 401, closeCode: null },
  ingest_signature: { httpStatus: 401, closeCode: null },
  ingest_time: { httpStatus: 401, closeCode: null },
  ingest_replayed: { httpStatus: 401, closeCode: null },
  ingest_superseded: { httpStatus: 409, closeCode: null },
  ingest_frame: { httpStatus: 400, closeCode: null },
  ingest_too_big: { httpStatus: 413, closeCode: null },
  // What we could not do.
  not_found: { httpStatus: 404, closeCode: null },
  upgrade_required: { httpStatus: 426, closeCode: null },
  shard_unavailable: { httpStatus: 503, closeCode: null },
  gateway_full: { httpStatus: 503, closeCode: 4013 },
  slow_client: { httpStatus: 503, closeCode: 4008 },
  internal: { httpStatus: 500, closeCode: 1011 },
} as const satisfies Record<string, { httpStatus: number; closeCode: number | null }>;

export type ErrorCode = keyof typeof ERRORS;

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
