// The simulator's accounts and their tokens: request tokens from the login page, access tokens and when they die.
import { createHash, randomBytes } from 'node:crypto';
import { SIMULATOR_REQUEST_TOKEN_MS_MAX, SIMULATOR_REQUEST_TOKENS_MAX } from '../../shared/limits.ts';
import { DAY_MS, istDayOf, istMidnightMs } from './core/expiry-calendar.ts';
import { inputError, tokenError } from './kite-error.ts';

export interface SimulatedAccount {
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly userId: string;
  /** A token that is valid from the start, so that a program can run without a login. */
  readonly accessToken: string;
  /** When that token dies; never, if absent: nobody logs in to a development system each morning. */
  readonly accessTokenExpiresAtMs?: number;
  /** Where the login page sends the browser. */
  readonly redirectUrl?: string;
}

/** The first account and more like it, each an app and a user of its own: names and tokens end in _2, _3 and so on. */
export function numberedAccounts(first: SimulatedAccount, count: number): SimulatedAccount[] {
  return Array.from({ length: count }, (_, index) => {
    if (index === 0) return first;
    const numbered = (text: string) => `${text}_${index + 1}`;
    return {
      ...first,
      apiKey: numbered(first.apiKey),
      apiSecret: numbered(first.apiSecret),
      userId: numbered(first.userId),
      accessToken: numbered(first.accessToken),
    };
  });
}

export interface AccessSession {
  readonly account: SimulatedAccount;
  readonly accessToken: string;
  readonly publicToken: string;
  readonly loginMs: number;
  readonly expiresAtMs: number;
}

/** Access tokens die at 06:00 IST (kite.trade/docs/connect/v3/user). */
const EXPIRY_TIME_OF_DAY_MS = 6 * 3_600_000;

/** The next 06:00 IST after `nowMs`. */
export function accessTokenExpiryMs(nowMs: number): number {
  const today = istMidnightMs(istDayOf(nowMs)) + EXPIRY_TIME_OF_DAY_MS;
  return nowMs < today ? today : today + DAY_MS;
}

function newToken(): string {
  return randomBytes(16).toString('hex');
}

export class AccountSessions {
  readonly #accounts = new Map<string, SimulatedAccount>();
  /** The one live session of each api_key: a new login ends the one before it. */
  readonly #sessions = new Map<string, AccessSession>();
  /** Request tokens of each api_key that wait for their exchange, and when they lapse. */
  readonly #requestTokens = new Map<string, Map<string, number>>();
  readonly #redirectUrls = new Map<string, string>();
  readonly #nowMs: () => number;

  /** Throws RangeError when two accounts share an api_key. */
  constructor(accounts: readonly SimulatedAccount[], nowMs: () => number) {
    this.#nowMs = nowMs;
    for (const account of accounts) {
      if (this.#accounts.has(account.apiKey))
        throw new RangeError(`accounts: api_key '${account.apiKey}' occurs twice`);
      this.#accounts.set(account.apiKey, account);
      if (account.redirectUrl !== undefined) this.#redirectUrls.set(account.apiKey, account.redirectUrl);
      this.#sessions.set(account.apiKey, {
        account,
        accessToken: account.accessToken,
        publicToken: newToken(),
        loginMs: nowMs(),
        expiresAtMs: account.accessTokenExpiresAtMs ?? Number.POSITIVE_INFINITY,
      });
    }
  }

  /** The account that a live token belongs to, or undefined. */
  authenticate(apiKey: string, accessToken: string): SimulatedAccount | undefined {
    const session = this.sessionOf(apiKey);
    return session?.accessToken === accessToken ? session.account : undefined;
  }

  /** The account of an api_key, whether anybody is logged in or not. */
  accountOf(apiKey: string): SimulatedAccount | undefined {
    return this.#accounts.get(apiKey);
  }

  /** The session of an api_key whose token is good now. */
  sessionOf(apiKey: string): AccessSession | undefined {
    const session = this.#sessions.get(apiKey);
    if (session === undefined || this.#nowMs() < session.expiresAtMs) return session;
    // A clock that goes back brings no token back to life.
    this.#sessions.delete(apiKey);
    return undefined;
  }

  redirectUrlOf(apiKey: string): string | undefined {
    return this.#redirectUrls.get(apiKey);
  }

  /** Where the login page of this app sends the browser from now on, as its developer would set it. */
  setRedirectUrl(apiKey: string, url: string): void {
    this.#redirectUrls.set(apiKey, url);
  }

  /**
   * What the login page does: the redirect URL with a fresh request token, and with the parameters that the caller
   * wants back (`redirect_params`, a query string). Throws KiteError 400.
   */
  login(apiKey: string, redirectParameters = ''): string {
    const account = this.#accounts.get(apiKey);
    if (account === undefined) throw inputError('Invalid `api_key`.');
    const redirectUrl = this.#redirectUrls.get(apiKey);
    if (redirectUrl === undefined) throw inputError(`The app of api_key '${apiKey}' has no redirect URL.`);
    const waiting = this.#requestTokens.get(apiKey) ?? new Map<string, number>();
    this.#requestTokens.set(apiKey, waiting);
    if (waiting.size >= SIMULATOR_REQUEST_TOKENS_MAX) {
      const [oldest] = waiting.keys();
      if (oldest !== undefined) waiting.delete(oldest);
    }
    const requestToken = newToken();
    waiting.set(requestToken, this.#nowMs() + SIMULATOR_REQUEST_TOKEN_MS_MAX);
    const url = new URL(redirectUrl);
    for (const [name, value] of new URLSearchParams(redirectParameters)) url.searchParams.set(name, value);
    for (const [name, value] of Object.entries({ action: 'login', type: 'login', status: 'success' }))
      url.searchParams.set(name, value);
    url.searchParams.set('request_token', requestToken);
    return url.href;
  }

  /** Exchanges a request token, once. The checksum is sha256(api_key + request_token + api_secret). Throws KiteError 403. */
  exchange(apiKey: string, requestToken: string, checksum: string): AccessSession {
    const account = this.#accounts.get(apiKey);
    if (account === undefined) throw tokenError('Invalid `api_key`.');
    const expected = createHash('sha256')
      .update(apiKey + requestToken + account.apiSecret)
      .digest('hex');
    if (checksum !== expected) throw tokenError('Invalid `checksum`.');
    const waiting = this.#requestTokens.get(apiKey);
    const lapsesAtMs = waiting?.get(requestToken);
    waiting?.delete(requestToken);
    if (lapsesAtMs === undefined || this.#nowMs() >= lapsesAtMs)
      throw tokenError('Token is invalid or has expired.');
    return this.open(account);
  }

  /** A login of this app, by whomever: its access token replaces the one before. */
  open(account: SimulatedAccount): AccessSession {
    const nowMs = this.#nowMs();
    const session = {
      account,
      accessToken: newToken(),
      publicToken: newToken(),
      loginMs: nowMs,
      expiresAtMs: accessTokenExpiryMs(nowMs),
    };
    this.#sessions.set(account.apiKey, session);
    return session;
  }

  /** Ends the account's token, whatever it is; sockets that are open stay. */
  expire(apiKey: string): void {
    this.#sessions.delete(apiKey);
  }

  /** Logs out. False when the token was not the live one. */
  invalidate(apiKey: string, accessToken: string): boolean {
    if (this.authenticate(apiKey, accessToken) === undefined) return false;
    return this.#sessions.delete(apiKey);
  }
}
