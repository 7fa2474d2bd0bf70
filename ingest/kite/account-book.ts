// The accounts as they are now: rows of the database, looked at every few seconds, and the one of the environment.
import { ACCOUNTS_POLL_MS } from '../../shared/limits.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { StoredAccount } from '../store/accounts.ts';
import type { KiteAccount } from './account.ts';

/** An account with what is known of its token. Times are milliseconds since the epoch. */
export interface BookedAccount {
  readonly account: KiteAccount;
  readonly tokenIssuedAtMs?: number;
  readonly tokenExpiresAtMs?: number;
  /** There is a token, and no key of ours opens its envelope. */
  readonly isTokenUnreadable: boolean;
}

export interface AccountBookOptions {
  /** All rows; rejects when they cannot be had. Absent without a database. */
  readonly readRows?: () => Promise<readonly StoredAccount[]>;
  /** The access token in a row's envelope; rejects when it does not open. */
  readonly openToken: (accountId: string, envelope: string) => Promise<string>;
  /** KITE_API_KEY and KITE_ACCESS_TOKEN, if they are set. */
  readonly environmentAccount?: BookedAccount;
  /** What a single socket and account may carry at most, whatever their row says. */
  readonly connectionsMax: number;
  readonly instrumentsMax: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called at start and when anything is different. */
  readonly onChange: (accounts: readonly BookedAccount[]) => void;
}

/** What an envelope turned out to hold; undefined when it did not open. */
interface OpenedToken {
  readonly envelope: string;
  readonly accessToken: string | undefined;
}

/** One without a token uses the environment's, if that is of the same app. */
function withEnvironment(
  rows: readonly BookedAccount[],
  environment: BookedAccount | undefined,
): readonly BookedAccount[] {
  if (!environment) return rows;
  const { id, apiKey, accessToken } = environment.account;
  const accounts = rows.map((row): BookedAccount => {
    if (row.account.apiKey !== apiKey || row.account.accessToken !== undefined || accessToken === undefined)
      return row;
    return { ...environment, account: { ...row.account, accessToken } };
  });
  const isReplaced = rows.some(({ account }) => account.id === id || account.apiKey === apiKey);
  return isReplaced ? accounts : [environment, ...accounts];
}

/**
 * While the database is away the accounts stay as they were last read; before the first reading has come, or failed,
 * there are none, so that no socket is opened with a token of the environment that a login has replaced.
 */
export class AccountBook {
  readonly #options: AccountBookOptions;
  readonly #opened = new Map<string, OpenedToken>();
  #rows: readonly BookedAccount[] = [];
  /** What was told last, as text. */
  #told: string | undefined;
  #timer: Timer | undefined;
  #isReading = false;
  #isWoken = false;
  #isAway = false;
  #isStopped = false;

  constructor(options: AccountBookOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#options.readRows) void this.#read();
    else this.#tell();
  }

  /** Something was changed: looks at once, or once more if it is looking already. */
  readNow(): void {
    if (this.#isStopped || !this.#options.readRows) return;
    this.#isWoken = true;
    if (!this.#isReading) void this.#read();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    const { readRows, clock } = this.#options;
    if (!readRows) return;
    this.#timer?.cancel();
    this.#isReading = true;
    this.#isWoken = false;
    try {
      const rows = await readRows();
      const booked = await Promise.all(rows.map((row) => this.#bookedOf(row)));
      if (!this.#isStopped) this.#onRead(booked);
    } catch (error) {
      if (!this.#isStopped) this.#onAway(error);
    }
    this.#isReading = false;
    if (this.#isStopped) return;
    this.#timer = clock.after(this.#isWoken ? 0 : ACCOUNTS_POLL_MS, () => void this.#read());
  }

  #onRead(rows: readonly BookedAccount[]): void {
    if (this.#isAway) this.#options.log.info('accounts can be read again', { accounts: rows.length });
    this.#isAway = false;
    this.#rows = rows;
    const ids = new Set(rows.map(({ account }) => account.id));
    for (const id of this.#opened.keys()) if (!ids.has(id)) this.#opened.delete(id);
    this.#tell();
  }

  #onAway(error: unknown): void {
    if (!this.#isAway) {
      const known = this.#rows.length;
      this.#options.log.warn('accounts cannot be read, those known stay as they are', { known, error });
    }
    this.#isAway = true;
    this.#tell();
  }

  #tell(): void {
    const { environmentAccount, onChange } = this.#options;
    const accounts = withEnvironment(this.#rows, environmentAccount);
    const text = JSON.stringify(accounts);
    if (text === this.#told) return;
    this.#told = text;
    onChange(accounts);
  }

  async #bookedOf(row: StoredAccount): Promise<BookedAccount> {
    const { connectionsMax, instrumentsMax } = this.#options;
    const { accessTokenEnvelope: envelope, tokenIssuedAtMs, tokenExpiresAtMs } = row;
    const accessToken = envelope === null ? undefined : await this.#tokenOf(row.id, envelope);
    return {
      account: {
        id: row.id,
        apiKey: row.apiKey,
        ...(accessToken === undefined ? {} : { accessToken }),
        isEnabled: row.isEnabled,
        connectionsMax: Math.min(row.connectionsMax, connectionsMax),
        instrumentsMax: Math.min(row.instrumentsMax, instrumentsMax),
      },
      ...(accessToken === undefined || tokenIssuedAtMs === null ? {} : { tokenIssuedAtMs }),
      ...(accessToken === undefined || tokenExpiresAtMs === null ? {} : { tokenExpiresAtMs }),
      isTokenUnreadable: envelope !== null && accessToken === undefined,
    };
  }

  /** Envelopes are opened once: most readings find the same ones. */
  async #tokenOf(accountId: string, envelope: string): Promise<string | undefined> {
    const { openToken, log } = this.#options;
    const known = this.#opened.get(accountId);
    if (known?.envelope === envelope) return known.accessToken;
    const accessToken = await openToken(accountId, envelope).catch((error: unknown) => {
      log.error('access token cannot be read', { account: accountId, error });
      return undefined;
    });
    this.#opened.set(accountId, { envelope, accessToken });
    return accessToken;
  }
}
