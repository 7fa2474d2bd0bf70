// One HTTP exchange with Kite's REST API v3: the envelope taken off, every other answer turned into a typed error.
import { z } from 'zod';
import { KITE_REPLY_BYTES_MAX } from '../../shared/limits.ts';
import { type RequestMethod, requestClassOf } from '../core/request-pace.ts';
import { answeredError, KiteRestError, unansweredError } from './rest-error.ts';
import {
  type HttpAnswer,
  type HttpRequest,
  ReplyTooBigError,
  sendOnce,
  UnansweredError,
} from './send-once.ts';

/**
 * Our own client, not kiteconnect's: that one drops the HTTP status, takes an HTML page with status 200 for a result,
 * and brings 129 packages of which it needs five.
 */
export interface KiteEndpoint {
  /** `https://api.kite.trade`. */
  readonly apiRoot: string;
  /** What stands before every path, as `/oms` in Kite's sandbox; empty at Kite itself. */
  readonly pathPrefix: string;
}

export interface KiteRequest {
  readonly method: RequestMethod;
  /** Without prefix and query, as `/user/profile`. */
  readonly path: string;
  readonly query?: URLSearchParams;
  /** A body in Kite's usual encoding. */
  readonly form?: URLSearchParams;
  /** A body for the few paths that take JSON. */
  readonly json?: unknown;
}

export interface KiteSession {
  readonly apiKey: string;
  readonly accessToken: string;
}

export interface ExchangeOptions {
  /** Absent for the one call that needs none, the exchange of a request token. */
  readonly session?: KiteSession;
  /** Of whom errors speak, as `account main`. */
  readonly subject: string;
  readonly signal: AbortSignal;
  /** Ends the call only as long as nothing of it has left. */
  readonly unsentSignal?: AbortSignal;
}

const Success = z.object({ status: z.literal('success'), data: z.unknown() });
const Failure = z.object({ error_type: z.string(), message: z.string().catch('') });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whatever it is, it is not Kite's envelope: the caller says so with the status and type.
    return undefined;
  }
}

function retryAfterMsOf({ headers }: HttpAnswer): number | undefined {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
}

function httpRequestOf(request: KiteRequest, options: ExchangeOptions): HttpRequest {
  const { session, signal, unsentSignal } = options;
  const { method, path, form, json } = request;
  const headers: Record<string, string> = { 'X-Kite-Version': '3', Accept: 'application/json' };
  if (session) headers.Authorization = `token ${session.apiKey}:${session.accessToken}`;
  if (json !== undefined) headers['Content-Type'] = 'application/json';
  else if (form) headers['Content-Type'] = 'application/x-www-form-urlencoded;charset=UTF-8';
  return {
    method,
    headers,
    body: json === undefined ? form?.toString() : JSON.stringify(json),
    // An order that meets a connection which Kite has just closed would be unknown for two minutes.
    mayReuseConnection: requestClassOf(method, path) !== 'order',
    replyBytesMax: KITE_REPLY_BYTES_MAX,
    signal,
    unsentSignal,
  };
}

/** The `data` of Kite's answer. The request leaves once at most. Throws KiteRestError, or the signal's reason. */
export async function exchange(
  { apiRoot, pathPrefix }: KiteEndpoint,
  request: KiteRequest,
  options: ExchangeOptions,
): Promise<unknown> {
  const { session, subject } = options;
  const call = `${request.method} ${request.path} of ${subject}`;
  const secrets = session ? [session.apiKey, session.accessToken] : [];
  const url = new URL(pathPrefix + request.path, apiRoot);
  url.search = request.query?.toString() ?? '';
  let answer: HttpAnswer;
  try {
    answer = await sendOnce(url, httpRequestOf(request, options));
  } catch (error) {
    throw noAnswerError(call, error, options.signal, secrets);
  }
  const { httpStatus, headers, text } = answer;
  const reply = parseJson(text);
  const failure = Failure.safeParse(reply);
  const success = Success.safeParse(reply);
  const isGood = httpStatus >= 200 && httpStatus < 300;
  // Errors also come with status 200, and pages that are no answer of Kite's do too.
  if (isGood && success.success && !failure.success) return success.data.data;
  throw answeredError(
    call,
    {
      httpStatus,
      said: failure.success
        ? { errorType: failure.data.error_type, message: failure.data.message }
        : undefined,
      contentType: headers['content-type'] ?? 'none',
      retryAfterMs: retryAfterMsOf(answer),
    },
    secrets,
  );
}

function noAnswerError(
  call: string,
  error: unknown,
  signal: AbortSignal,
  secrets: readonly string[],
): unknown {
  if (error instanceof ReplyTooBigError) {
    return new KiteRestError('unexpected', `${call}: reply over ${KITE_REPLY_BYTES_MAX} bytes`, {
      mayHaveArrived: true,
    });
  }
  if (!(error instanceof UnansweredError)) return error;
  const { cause, mayHaveArrived } = error;
  if (!signal.aborted) return unansweredError(call, cause, mayHaveArrived, secrets);
  // Whoever gave it up could not know that it had not even left.
  if (!(cause instanceof KiteRestError) || mayHaveArrived) return cause;
  return new KiteRestError('unreachable', `${cause.message}, and no connection`, { mayHaveArrived });
}

/** The data by its schema; `call` as errors name it. Throws KiteRestError with the first field that does not fit. */
export function checkedData<T>(schema: z.ZodType<T>, data: unknown, call: string): T {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const problem = `field ${issue?.path.join('.') || 'data'}: ${issue?.message}`;
  throw new KiteRestError('unexpected', `${call}: ${problem}`, { mayHaveArrived: true });
}
