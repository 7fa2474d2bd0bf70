// What can go wrong with a call of Kite's REST API, in kinds that callers act on.
import { errorText, quote, redact } from '../log.ts';

/**
 * `unauthorized`: Kite refused the token, or there is none. `forbidden`: the token is good, this is not allowed.
 * `refused`: Kite understood and said no. `throttled`: 429. `unavailable`: 5xx. `unexpected`: an answer that is not
 * Kite's, as the HTML of the CDN before it, with whatever status. `timeout`, `unreachable`: no answer.
 * `not_sent`: it never left, as it waited too long, too many waited, or the day's orders are spent.
 */
export type KiteFailure =
  | 'unauthorized'
  | 'forbidden'
  | 'refused'
  | 'throttled'
  | 'unavailable'
  | 'unexpected'
  | 'timeout'
  | 'unreachable'
  | 'not_sent';

export interface KiteErrorDetails {
  /** False only when Kite cannot have seen the call. For an order true means: it may have been placed. */
  readonly mayHaveArrived: boolean;
  readonly httpStatus?: number;
  /** Kite's own name, as `TokenException` (kite.trade/docs/connect/v3/exceptions). */
  readonly errorType?: string;
  /** What Kite said, whole: what decides may stand at its end. */
  readonly kiteMessage?: string;
  readonly retryAfterMs?: number;
}

/** Its message names the call, the status and Kite's words. It never holds a query, a header or a body. */
export class KiteRestError extends Error {
  readonly failure: KiteFailure;
  readonly mayHaveArrived: boolean;
  readonly httpStatus: number | undefined;
  readonly errorType: string | undefined;
  readonly kiteMessage: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(failure: KiteFailure, message: string, details: KiteErrorDetails) {
    super(message);
    this.name = 'KiteRestError';
    this.failure = failure;
    this.mayHaveArrived = details.mayHaveArrived;
    this.httpStatus = details.httpStatus;
    this.errorType = details.errorType;
    this.kiteMessage = details.kiteMessage;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** An answer that says what went wrong. `said` is undefined when it was not Kite's JSON. */
export interface ErrorAnswer {
  readonly httpStatus: number;
  readonly said: { readonly errorType: string; readonly message: string } | undefined;
  readonly contentType: string;
  readonly retryAfterMs: number | undefined;
}

function failureOf({ httpStatus, said }: ErrorAnswer): KiteFailure {
  if (httpStatus === 429) return 'throttled';
  // Also with a status that is none of its own: the type is Kite's word, a status may be that of something before it.
  if (said?.errorType === 'TokenException') return 'unauthorized';
  if (httpStatus >= 500) return 'unavailable';
  // A page of the CDN, with 403 say, tells nothing of the token.
  if (!said) return 'unexpected';
  return httpStatus === 403 ? 'forbidden' : 'refused';
}

/** `call` as `GET /user/profile of account main`; `secrets` are taken out of what Kite said. */
export function answeredError(call: string, answer: ErrorAnswer, secrets: readonly string[]): KiteRestError {
  const { httpStatus, said, contentType, retryAfterMs } = answer;
  const kiteMessage = said && redact(said.message, secrets);
  const words = said
    ? `${said.errorType}: ${quote(kiteMessage ?? '')}`
    : `not Kite's JSON (content-type ${contentType})`;
  return new KiteRestError(failureOf(answer), `${call}: status ${httpStatus}, ${words}`, {
    mayHaveArrived: true,
    httpStatus,
    ...(said && kiteMessage !== undefined ? { errorType: said.errorType, kiteMessage } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** No answer: the network's own error. */
export function unansweredError(
  call: string,
  cause: unknown,
  mayHaveArrived: boolean,
  secrets: readonly string[],
): KiteRestError {
  return new KiteRestError('unreachable', `${call}: ${redact(errorText(cause), secrets)}`, {
    mayHaveArrived,
  });
}
