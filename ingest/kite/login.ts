// The daily login of one account: out to Kite's page, back with a request token, and the access token stored sealed.
import { randomBytes } from 'node:crypto';
import { accessTokenExpiresAtMs } from '../../shared/account.ts';
import type { CredentialVault } from '../../shared/credential-vault.ts';
import { KITE_CALL_MS_MAX, LOGIN_WAIT_MS_MAX } from '../../shared/limits.ts';
import { errorText, quote } from '../log.ts';
import type { AccountStore, LoginAccount } from '../store/accounts.ts';
import type { LoginReturn, RedirectListener } from './redirect-listener.ts';
import { KiteRestError } from './rest-error.ts';
import type { KiteEndpoint } from './rest-request.ts';
import { createSession, endSession, loginUrl, type NewSession } from './session.ts';

export interface LoginOptions {
  readonly loginRoot: string;
  readonly endpoint: KiteEndpoint;
  readonly vault: Pick<CredentialVault<never>, 'open' | 'seal'>;
  readonly store: Pick<AccountStore, 'storeToken'>;
  readonly listener: Pick<RedirectListener, 'next'>;
  /** Shows the address to whoever is to log in. */
  readonly onUrl: (url: string) => void;
  readonly nowMs: () => number;
  readonly waitMsMax?: number;
  readonly signal: AbortSignal;
}

export interface LoggedIn {
  readonly userId: string;
  readonly expiresAtMs: number;
}

async function readSecret({ id, apiSecretEnvelope }: LoginAccount, options: LoginOptions): Promise<string> {
  if (apiSecretEnvelope === null) throw new Error(`it has no api_secret: set it with PATCH /accounts/${id}`);
  return options.vault.open(apiSecretEnvelope, { accountId: id, column: 'api_secret' });
}

async function awaitRedirect(state: string, options: LoginOptions): Promise<LoginReturn> {
  const waitMsMax = options.waitMsMax ?? LOGIN_WAIT_MS_MAX;
  const timeout = AbortSignal.timeout(waitMsMax);
  try {
    return await options.listener.next(state, AbortSignal.any([timeout, options.signal]));
  } catch (error) {
    if (!timeout.aborted) throw error;
    throw new Error(
      `nobody came back from Kite's login page within ${waitMsMax / 1_000} s: ` +
        "log in there, and see that the app's redirect URL at Kite is KITE_REDIRECT_URL",
    );
  }
}

/** Kite's refusal in words that say what to change. */
function explain(error: unknown, accountId: string): Error {
  if (!(error instanceof KiteRestError)) return new Error(`no login: ${errorText(error)}`);
  if (error.failure === 'unauthorized' && /checksum/i.test(error.kiteMessage ?? '')) {
    return new Error(
      `Kite says ${JSON.stringify(quote(error.kiteMessage ?? ''))}: the stored api_secret is not that of this app, ` +
        `set the right one with PATCH /accounts/${accountId}`,
    );
  }
  if (error.failure === 'unauthorized') {
    return new Error(`Kite says ${JSON.stringify(quote(error.kiteMessage ?? ''))}: log in once more`);
  }
  return new Error(`Kite did not exchange the token, log in once more: ${error.message}`);
}

async function exchangeToken(
  account: LoginAccount,
  apiSecret: string,
  requestToken: string,
  options: LoginOptions,
): Promise<NewSession> {
  const { endpoint, signal } = options;
  const { id: accountId, apiKey, userId } = account;
  const deadline = () => AbortSignal.any([signal, AbortSignal.timeout(KITE_CALL_MS_MAX)]);
  const login = { accountId, apiKey, apiSecret, requestToken, signal: deadline() };
  const session = await createSession(endpoint, login).catch((error: unknown) => {
    throw explain(error, accountId);
  });
  if (userId === null || userId === session.userId) return session;
  // Nobody is to use it, so it does not stay open.
  await endSession(endpoint, { accountId, apiKey, accessToken: session.accessToken }, deadline()).catch(
    (error: unknown) => {
      if (!(error instanceof KiteRestError)) throw error;
    },
  );
  throw new Error(
    `it belongs to ${userId} and ${session.userId} has logged in: log out of Kite in that browser, then log in as ${userId}`,
  );
}

async function store(account: LoginAccount, session: NewSession, options: LoginOptions): Promise<LoggedIn> {
  const { id: accountId, apiKey } = account;
  const { userId, accessToken } = session;
  const accessTokenEnvelope = await options.vault.seal(accessToken, { accountId, column: 'access_token' });
  // Kite's clock, where it tells: ours may be wrong.
  const issuedAtMs = session.loginMs ?? options.nowMs();
  const expiresAtMs = accessTokenExpiresAtMs(issuedAtMs);
  const token = { accountId, apiKey, userId, accessTokenEnvelope, issuedAtMs, expiresAtMs };
  if (await options.store.storeToken(token)) return { userId, expiresAtMs };
  throw new Error('it was deleted or given to another app or user meanwhile, nothing was stored');
}

/**
 * Logs one account in: the sidecar takes the new token from the database by itself. Throws an Error that says what to
 * change; what is stored stays as it was then. The browser is told the same.
 */
export async function logIn(account: LoginAccount, options: LoginOptions): Promise<LoggedIn> {
  const apiSecret = await readSecret(account, options);
  const state = randomBytes(16).toString('hex');
  const { loginRoot, onUrl } = options;
  const returned = awaitRedirect(state, options);
  onUrl(loginUrl({ loginRoot, apiKey: account.apiKey, state }));
  const { requestToken, answer } = await returned;
  try {
    const session = await exchangeToken(account, apiSecret, requestToken, options);
    const loggedIn = await store(account, session, options);
    answer(200, `Account ${account.id} is logged in as ${loggedIn.userId}. You can close this page.`);
    return loggedIn;
  } catch (error) {
    answer(502, `Account ${account.id} is not logged in: ${errorText(error)}`);
    throw error;
  }
}

/** The accounts that are to log in, in turn. Throws when one that was named does not exist. */
export function chooseAccounts(
  accounts: readonly LoginAccount[],
  { ids, isAll }: { readonly ids: readonly string[]; readonly isAll: boolean },
  nowMs: number,
): readonly LoginAccount[] {
  const known = accounts.map(({ id }) => id).join(', ') || 'there are none yet, add one with POST /accounts';
  if (ids.length > 0) {
    return ids.map((id) => {
      const account = accounts.find((other) => other.id === id);
      if (!account) throw new Error(`--account ${JSON.stringify(id)}: no such account (${known})`);
      return account;
    });
  }
  const enabled = accounts.filter(({ isEnabled }) => isEnabled);
  if (enabled.length === 0) throw new Error(`no account is enabled (${known})`);
  return enabled.filter(
    ({ tokenIssuedAtMs }) =>
      isAll || tokenIssuedAtMs === null || accessTokenExpiresAtMs(tokenIssuedAtMs) <= nowMs,
  );
}
