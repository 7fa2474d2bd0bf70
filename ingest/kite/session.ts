// A day's session at Kite: the address of the login page, and the exchange of what it sends back for an access token.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CREDENTIAL_CHARS_MAX } from '../../shared/limits.ts';
import { checkedData, exchange, type KiteEndpoint } from './rest-request.ts';

export interface LoginPage {
  /** `https://kite.zerodha.com`. */
  readonly loginRoot: string;
  readonly apiKey: string;
  /** Comes back with the redirect: what does not bring it was not started here. */
  readonly state: string;
}

/** Where the account's holder logs in (kite.trade/docs/connect/v3/user). */
export function loginUrl({ loginRoot, apiKey, state }: LoginPage): string {
  const url = new URL('/connect/login', loginRoot);
  url.searchParams.set('v', '3');
  url.searchParams.set('api_key', apiKey);
  url.searchParams.set('redirect_params', new URLSearchParams({ state }).toString());
  return url.href;
}

/** `2026-11-21 08:01:02`, in India, as milliseconds since the epoch; undefined when it is no such time. */
export function parseIstTime(text: string): number | undefined {
  const parts = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})$/.exec(text);
  const ms = parts ? Date.parse(`${parts[1]}T${parts[2]}+05:30`) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

const Session = z.object({
  user_id: z.string().min(1).max(64),
  access_token: z.string().min(1).max(CREDENTIAL_CHARS_MAX),
  login_time: z.string().optional(),
});

export interface NewSession {
  readonly userId: string;
  readonly accessToken: string;
  /** By Kite's clock, if it says. */
  readonly loginMs: number | undefined;
}

export interface RequestTokenExchange {
  readonly accountId: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly requestToken: string;
  readonly signal: AbortSignal;
}

/** Exchanges a request token, which is good for a few minutes and once. Throws KiteRestError. */
export async function createSession(
  endpoint: KiteEndpoint,
  login: RequestTokenExchange,
): Promise<NewSession> {
  const { accountId, apiKey, apiSecret, requestToken, signal } = login;
  const checksum = createHash('sha256')
    .update(apiKey + requestToken + apiSecret)
    .digest('hex');
  const form = new URLSearchParams({ api_key: apiKey, request_token: requestToken, checksum });
  const request = { method: 'POST', path: '/session/token', form } as const;
  const data = await exchange(endpoint, request, { subject: `account ${accountId}`, signal });
  const session = checkedData(Session, data, `POST /session/token of account ${accountId}`);
  const loginMs = session.login_time === undefined ? undefined : parseIstTime(session.login_time);
  return { userId: session.user_id, accessToken: session.access_token, loginMs };
}

/** Ends a session that is not wanted. Throws KiteRestError. */
export async function endSession(
  endpoint: KiteEndpoint,
  session: { readonly accountId: string; readonly apiKey: string; readonly accessToken: string },
  signal: AbortSignal,
): Promise<void> {
  const { accountId, apiKey, accessToken } = session;
  const query = new URLSearchParams({ api_key: apiKey, access_token: accessToken });
  const request = { method: 'DELETE', path: '/session/token', query } as const;
  await exchange(endpoint, request, { subject: `account ${accountId}`, signal });
}
