// Kite's REST API for one account: calls wait for their turn and the account's rate limits, and end by their deadline.
import type { z } from 'zod';
import { assertNever } from '../../shared/errors.ts';
import { KITE_CALL_MS_MAX, KITE_CALLS_QUEUED_MAX } from '../../shared/limits.ts';
import type { Clock, Timer } from '../clock.ts';
import { CallQueue, type QueuedCall } from '../core/call-queue.ts';
import { type PaceTime, RequestPace, requestClassOf } from '../core/request-pace.ts';
import { tradingDateOf } from '../store/instruments.ts';
import { KiteRestError } from './rest-error.ts';
import {
  checkedData,
  exchange,
  type KiteEndpoint,
  type KiteRequest,
  type KiteSession,
} from './rest-request.ts';

export interface CallOptions {
  /** From the call to its answer, the wait included. */
  readonly msMax?: number;
  /** The call leaves within so long, the way to a connection included, or fails as `not_sent` or `unreachable`. */
  readonly leaveMsMax?: number;
}

export interface RestClientOptions {
  readonly accountId: string;
  readonly endpoint: KiteEndpoint;
  readonly clock: Clock;
  /** Kite refused this token: it is not used again. */
  readonly onUnauthorized: (accessToken: string) => void;
}

interface PendingCall extends QueuedCall {
  readonly request: KiteRequest;
  readonly abort: AbortController;
  /** Ends it unless it has left. */
  readonly abortUnsent: AbortController;
  readonly resolve: (data: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** The 429 that it last got. */
  throttled: KiteRestError | undefined;
}

export class KiteRestClient {
  readonly #options: RestClientOptions;
  readonly #pace = new RequestPace();
  readonly #queue = new CallQueue<PendingCall>(this.#pace);
  readonly #pending = new Set<PendingCall>();
  #session: KiteSession | undefined;
  #refusedToken: string | undefined;
  #wake: Timer | undefined;

  constructor(options: RestClientOptions) {
    this.#options = options;
  }

  /** Calls that wait or are under way. */
  get load(): number {
    return this.#queue.size;
  }

  /** False without a token, and after Kite refused it: calls fail at once then, and nothing is sent. */
  get isAuthorized(): boolean {
    return this.#session !== undefined && this.#session.accessToken !== this.#refusedToken;
  }

  /** The session that calls use from now on, those that wait included. */
  setSession(session: KiteSession | undefined): void {
    this.#session = session;
  }

  /** Every call that has no answer yet fails. */
  stop(): void {
    this.#wake?.cancel();
    for (const call of this.#pending) {
      this.#abandon(call, (mayHaveArrived) =>
        this.#error(
          call.request,
          mayHaveArrived ? 'timeout' : 'not_sent',
          'the sidecar ends',
          mayHaveArrived,
        ),
      );
    }
  }

  /**
   * The `data` of Kite's answer, checked. Rejects with KiteRestError. A call that Kite throttles is sent again within
   * its time, but for orders: whether a second one may follow is for whoever keeps the order book to say.
   */
  async call<T>(request: KiteRequest, schema: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    const data = await this.#enqueue(request, options);
    return checkedData(schema, data, this.#nameOf(request));
  }

  #enqueue(request: KiteRequest, options: CallOptions): Promise<unknown> {
    const { msMax = KITE_CALL_MS_MAX, leaveMsMax } = options;
    const { clock } = this.#options;
    const requestClass = requestClassOf(request.method, request.path);
    this.#checkSession(request);
    if (this.#pace.readyAtMs(requestClass, this.#time()) === Number.POSITIVE_INFINITY) {
      throw this.#error(request, 'not_sent', "the day's order requests are spent", false);
    }
    return new Promise((resolve, reject) => {
      const call: PendingCall = {
        requestClass,
        request,
        abort: new AbortController(),
        abortUnsent: new AbortController(),
        resolve: (data) => settle(() => resolve(data)),
        reject: (error) => settle(() => reject(error)),
        throttled: undefined,
      };
      const settle = (tell: () => void) => {
        timer.cancel();
        leaveTimer?.cancel();
        this.#pending.delete(call);
        tell();
      };
      const timer = clock.after(msMax, () => this.#expire(call, msMax));
      const leaveTimer =
        leaveMsMax === undefined
          ? undefined
          : clock.after(leaveMsMax, () => this.#expireUnsent(call, leaveMsMax));
      this.#pending.add(call);
      if (!this.#queue.push(call)) {
        call.reject(this.#error(request, 'not_sent', `${KITE_CALLS_QUEUED_MAX} calls wait already`, false));
        return;
      }
      this.#pump();
    });
  }

  #expire(call: PendingCall, msMax: number): void {
    this.#abandon(call, (mayHaveArrived) => {
      if (mayHaveArrived) return this.#error(call.request, 'timeout', `no answer within ${msMax} ms`, true);
      return call.throttled ?? this.#waitedError(call, msMax);
    });
  }

  #expireUnsent(call: PendingCall, leaveMsMax: number): void {
    if (this.#queue.remove(call)) call.reject(this.#waitedError(call, leaveMsMax));
    else call.abortUnsent.abort();
  }

  #waitedError({ request, requestClass }: PendingCall, waitedMs: number): KiteRestError {
    const problem = `waited ${waitedMs} ms for its turn among ${requestClass} calls`;
    return this.#error(request, 'not_sent', problem, false);
  }

  /** A call that waits fails now; one that is under way when its exchange has been cut off. */
  #abandon(call: PendingCall, errorOf: (mayHaveArrived: boolean) => KiteRestError): void {
    if (this.#queue.remove(call)) call.reject(errorOf(false));
    else call.abort.abort(errorOf(true));
  }

  #pump(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    for (;;) {
      const step = this.#queue.next(this.#time());
      switch (step.kind) {
        case 'start':
          void this.#run(step.call);
          break;
        case 'wait': {
          const delayMs = step.untilMs - this.#options.clock.monotonicMs();
          this.#wake = this.#options.clock.after(delayMs, () => this.#pump());
          return;
        }
        case 'idle':
          return;
        default:
          assertNever(step);
      }
    }
  }

  /** Never rejects: what goes wrong goes to the caller. */
  async #run(call: PendingCall): Promise<void> {
    const { endpoint } = this.#options;
    const { request, requestClass, abort } = call;
    try {
      const session = this.#checkSession(request);
      try {
        const signals = { signal: abort.signal, unsentSignal: call.abortUnsent.signal };
        const options = { session, subject: this.#subject, ...signals };
        call.resolve(await exchange(endpoint, request, options));
        this.#pace.noteAnswered(requestClass);
      } catch (error) {
        if (this.#learn(call, session, error)) {
          this.#queue.putBack(call);
          this.#pump();
          return;
        }
        call.reject(error);
      }
    } catch (error) {
      call.reject(error);
    }
    this.#queue.finish(call);
    this.#pump();
  }

  /** Draws the consequences of an error for the calls after it; true when this one is to be sent again. */
  #learn(call: PendingCall, session: KiteSession, error: unknown): boolean {
    if (!(error instanceof KiteRestError) || call.abort.signal.aborted) return false;
    const { requestClass } = call;
    if (error.failure === 'unauthorized') {
      this.#refusedToken = session.accessToken;
      this.#options.onUnauthorized(session.accessToken);
    }
    if (error.failure !== 'throttled') {
      if (error.httpStatus !== undefined) this.#pace.noteAnswered(requestClass);
      return false;
    }
    this.#pace.noteRefused(requestClass, this.#options.clock.monotonicMs(), error.retryAfterMs);
    call.throttled = error;
    return requestClass !== 'order';
  }

  #checkSession(request: KiteRequest): KiteSession {
    if (this.#session && this.isAuthorized) return this.#session;
    const problem = this.#session ? 'Kite has refused the access token' : 'there is no access token';
    throw this.#error(request, 'unauthorized', `${problem}, a login is needed`, false);
  }

  #time(): PaceTime {
    const { clock } = this.#options;
    return { monotonicMs: clock.monotonicMs(), tradingDate: tradingDateOf(clock.wallMs()) };
  }

  get #subject(): string {
    return `account ${this.#options.accountId}`;
  }

  #nameOf({ method, path }: KiteRequest): string {
    return `${method} ${path} of ${this.#subject}`;
  }

  #error(
    request: KiteRequest,
    failure: KiteRestError['failure'],
    problem: string,
    mayHaveArrived: boolean,
  ): KiteRestError {
    return new KiteRestError(failure, `${this.#nameOf(request)}: ${problem}`, { mayHaveArrived });
  }
}
