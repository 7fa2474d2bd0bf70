// One HTTP exchange with Kite's REST API v3: the envelope taken off, every other answer turned into a typed error.
import { z } from 'zod';
import { KITE_REPLY_BYTES_MAX } from '../../shared/limits.ts';
import type { RequestMethod } from '../core/request-pace.ts';
import { answeredError, KiteRestError, unansweredError } from './rest-error.ts';

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
}

const Success = z.object({ status: z.literal('success'), data: z.unknown() });
const Failure = z.object({ error_type: z.string(), message: z.string().catch('') });

async function readText(response: Response, call: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > KITE_REPLY_BYTES_MAX) {
      throw new KiteRestError('unexpected', `${call}: reply over ${KITE_REPLY_BYTES_MAX} bytes`, {
        mayHaveArrived: true,
        httpStatus: response.status,
      });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whatever it is, it is not Kite's envelope: the caller says so with the status and type.
    return undefined;
  }
}

function retryAfterMsOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
}

function requestInit(request: KiteRequest, { session, signal }: ExchangeOptions): RequestInit {
  const { method, form, json } = request;
  const headers: Record<string, string> = { 'X-Kite-Version': '3', Accept: 'application/json' };
  if (session) headers.Authorization = `token ${session.apiKey}:${session.accessToken}`;
  if (json !== undefined) headers['Content-Type'] = 'application/json';
  const body = json === undefined ? form : JSON.stringify(json);
  // A redirect would carry the token to wherever it points.
  return { method, headers, signal, redirect: 'manual', ...(body === undefined ? {} : { body }) };
}

/** The `data` of Kite's answer. Throws KiteRestError, or the signal's reason. */
export async function exchange(
  { apiRoot, pathPrefix }: KiteEndpoint,
  request: KiteRequest,
  options: ExchangeOptions,
): Promise<unknown> {
  const { session, subject, signal } = options;
  const call = `${request.method} ${request.path} of ${subject}`;
  const secrets = session ? [session.apiKey, session.accessToken] : [];
  const url = new URL(pathPrefix + request.path, apiRoot);
  url.search = request.query?.toString() ?? '';
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, requestInit(request, options));
    text = await readText(response, call);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof KiteRestError) throw error;
    throw unansweredError(call, error, secrets);
  }
  const reply = parseJson(text);
  const failure = Failure.safeParse(reply);
  const success = Success.safeParse(reply);
  // Errors also come with status 200, and pages that are no answer of Kite's do too.
  if (response.ok && success.success && !failure.success) return success.data.data;
  throw answeredError(
    call,
    {
      httpStatus: response.status,
      said: failure.success
        ? { errorType: failure.data.error_type, message: failure.data.message }
        : undefined,
      contentType: response.headers.get('content-type') ?? 'none',
      retryAfterMs: retryAfterMsOf(response),
    },
    secrets,
  );
}

/** The data by its schema; `call` as errors name it. Throws KiteRestError with the first field that does not fit. */
export function checkedData<T>(schema: z.ZodType<T>, data: unknown, call: string): T {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const problem = `field ${issue?.path.join('.') || 'data'}: ${issue?.message}`;
  throw new KiteRestError('unexpected', `${call}: ${problem}`, { mayHaveArrived: true });
}
