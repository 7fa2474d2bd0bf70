// Everything about the sidecar's accounts in one place: who they are, what Kite says of their tokens, and their REST calls.
import type { webcrypto } from 'node:crypto';
import { accessTokenExpiresAtMs } from '../../shared/account.ts';
import { CredentialVault, parseKeyRing } from '../../shared/credential-vault.ts';
import type { AccountStatus } from '../../shared/status.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import type { OrderAccount } from '../orders/ports.ts';
import type { Source } from '../source.ts';
import { AccountReader } from '../store/accounts.ts';
import type { KiteAccount } from './account.ts';
import { AccountBook, type BookedAccount } from './account-book.ts';
import { LoginWatch } from './login-watch.ts';
import { type AccountSecret, Postbacks, type SignedOrder } from './postbacks.ts';
import { KiteRestPool } from './rest-pool.ts';

export interface AccountsOptions {
  readonly config: Config;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** A key or token that no log may show. */
  readonly onSecret: (secret: string) => void;
}

/** The id of the account that KITE_API_KEY and KITE_ACCESS_TOKEN describe. */
const ENVIRONMENT_ACCOUNT_ID = 'primary';

function environmentAccountOf(config: Config, nowMs: number): BookedAccount | undefined {
  const { KITE_API_KEY: apiKey, KITE_ACCESS_TOKEN: accessToken } = config;
  if (apiKey === undefined || accessToken === undefined) return undefined;
  return {
    account: {
      id: ENVIRONMENT_ACCOUNT_ID,
      apiKey,
      accessToken,
      isEnabled: true,
      connectionsMax: config.MAX_WS_CONNECTIONS,
      instrumentsMax: config.MAX_INSTRUMENTS_PER_WS,
    },
    // Whenever it was issued, it ends with the night. The simulator's market has none.
    ...(config.MARKET_SESSION === 'always_open' ? {} : { tokenExpiresAtMs: accessTokenExpiresAtMs(nowMs) }),
    isTokenUnreadable: false,
  };
}

/** The secrets of the environment's account and of the rows; those that no key opens are left out. */
async function readSecrets(
  { KITE_API_SECRET: ownSecret }: Config,
  reader: AccountReader | undefined,
  vault: CredentialVault<webcrypto.CryptoKey> | undefined,
): Promise<AccountSecret[]> {
  const own = ownSecret === undefined ? [] : [{ accountId: ENVIRONMENT_ACCOUNT_ID, apiSecret: ownSecret }];
  const stored = (await reader?.readSecrets()) ?? [];
  const opened = stored.map(async ({ accountId, envelope }) => {
    const apiSecret = await vault?.open(envelope, { accountId, column: 'api_secret' }).catch(() => undefined);
    return apiSecret === undefined ? [] : [{ accountId, apiSecret }];
  });
  return [...own, ...(await Promise.all(opened)).flat()];
}

/** A vault on Node's WebCrypto. Throws when the keys are not a key ring. */
export function openVault(credentialsKeys: string): CredentialVault<webcrypto.CryptoKey> {
  return new CredentialVault(parseKeyRing(credentialsKeys), {
    subtle: crypto.subtle,
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  });
}

export class Accounts implements Source<readonly KiteAccount[]> {
  readonly rest: KiteRestPool;
  readonly #options: AccountsOptions;
  readonly #reader: AccountReader | undefined;
  readonly #book: AccountBook;
  readonly #watch: LoginWatch;
  readonly #postbacks: Postbacks;
  #ids: readonly string[] = [];
  #onValue: (accounts: readonly KiteAccount[]) => void = () => undefined;

  constructor(options: AccountsOptions) {
    const { config, clock, random, log } = options;
    this.#options = options;
    this.rest = new KiteRestPool({
      endpoint: { apiRoot: config.KITE_API_ROOT, pathPrefix: config.KITE_API_PREFIX },
      clock,
      onUnauthorized: (accountId, accessToken) => this.#watch.noteRefused(accountId, accessToken),
    });
    this.#watch = new LoginWatch({ rest: this.rest, clock, random, log });
    const { DATABASE_URL: url, CREDENTIALS_KEYS: keys } = config;
    const vault = keys === undefined ? undefined : openVault(keys);
    this.#reader = url === undefined ? undefined : new AccountReader(url, clock);
    const reader = this.#reader;
    this.#postbacks = new Postbacks({
      readSecrets: async () => {
        const secrets = await readSecrets(config, reader, vault);
        for (const { apiSecret } of secrets) options.onSecret(apiSecret);
        return secrets;
      },
      clock,
    });
    const environmentAccount = environmentAccountOf(config, clock.wallMs());
    this.#book = new AccountBook({
      ...(reader ? { readRows: () => reader.read() } : {}),
      ...(environmentAccount ? { environmentAccount } : {}),
      openToken: async (accountId, envelope) => {
        if (!vault) throw new Error('CREDENTIALS_KEYS is not set');
        return vault.open(envelope, { accountId, column: 'access_token' });
      },
      connectionsMax: config.MAX_WS_CONNECTIONS,
      instrumentsMax: config.MAX_INSTRUMENTS_PER_WS,
      clock,
      log,
      onChange: (booked) => this.#onChange(booked),
    });
  }

  /** As Postbacks.check. */
  checkPostback(text: string): Promise<SignedOrder | undefined> {
    return this.#postbacks.check(text);
  }

  /** Once: what was stopped stays stopped. */
  start(onValue: (accounts: readonly KiteAccount[]) => void): void {
    this.#onValue = onValue;
    this.#book.start();
  }

  stop(): void {
    this.#book.stop();
    this.#watch.stop();
    this.rest.stop();
    this.#reader?.stop();
  }

  /** Accounts or tokens were changed: looks at once instead of in a few seconds. */
  readNow(): void {
    this.#book.readNow();
  }

  /** Takes the sockets' view of the accounts and the clock into consideration; each second. */
  observe(sockets: readonly AccountStatus[]): void {
    this.#watch.observe(sockets);
  }

  /** The sockets' view with what is known of the logins. */
  describe(sockets: readonly AccountStatus[]): readonly AccountStatus[] {
    return sockets.map((status) => {
      const login = this.#watch.statusOf(status.id);
      return login === undefined ? status : { ...status, login };
    });
  }

  /** Those that Kite takes orders of: enabled, and with a token that it has accepted. */
  get orderAccounts(): readonly OrderAccount[] {
    return this.#ids.flatMap((accountId) => {
      const userId = this.#watch.userIdOf(accountId);
      return userId === undefined ? [] : [{ accountId, userId }];
    });
  }

  /** Whether there is an account of that id, enabled or not. */
  has(accountId: string): boolean {
    return this.#ids.includes(accountId);
  }

  #onChange(booked: readonly BookedAccount[]): void {
    const accounts = booked.map(({ account }) => account);
    this.#ids = accounts.map(({ id }) => id);
    for (const { apiKey, accessToken } of accounts) {
      this.#options.onSecret(apiKey);
      if (accessToken !== undefined) this.#options.onSecret(accessToken);
    }
    this.rest.setAccounts(accounts);
    this.#watch.setAccounts(booked);
    this.#onValue(accounts);
  }
}
