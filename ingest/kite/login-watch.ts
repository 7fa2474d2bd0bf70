// What Kite says of each account's access token: asked once per token and doubt, never again once it was refused.
import { z } from 'zod';
import { TOKEN_PROBE_BACKOFF_MS_MAX, TOKEN_PROBE_BACKOFF_MS_MIN } from '../../shared/limits.ts';
import type { AccountStatus, LoginState, LoginStatus } from '../../shared/status.ts';
import type { Clock, Timer } from '../clock.ts';
import { fullJitterMs } from '../core/backoff.ts';
import { tokenWarning } from '../core/token-life.ts';
import type { Logger } from '../log.ts';
import type { BookedAccount } from './account-book.ts';
import { KiteRestError } from './rest-error.ts';
import type { KiteRestPool } from './rest-pool.ts';

export interface LoginWatchOptions {
  readonly rest: Pick<KiteRestPool, 'call'>;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}

/** One token's standing. A new token gets a new one, so that late answers about the old one change nothing. */
interface Standing {
  readonly accountId: string;
  readonly accessToken: string;
  state: Extract<LoginState, 'unverified' | 'valid' | 'refused'>;
  /** Whose token it is, as Kite has said. */
  userId: string | undefined;
  isProbing: boolean;
  /** The sockets were refused, and that has been looked into. */
  areSocketsRefused: boolean;
  failures: number;
  retry: Timer | undefined;
  readonly warned: Set<LoginStatus['warning']>;
}

/** Of the answer to the probe: whom it is about. */
const Profile = z.object({ user_id: z.string() });
const PROBE = { method: 'GET', path: '/user/profile' } as const;
const HOW_TO_LOG_IN = 'npm run kite:login -- --account';

export class LoginWatch {
  readonly #options: LoginWatchOptions;
  #booked: readonly BookedAccount[] = [];
  readonly #standings = new Map<string, Standing>();

  constructor(options: LoginWatchOptions) {
    this.#options = options;
  }

  /** Takes the accounts over, and asks Kite about each token that is new. */
  setAccounts(booked: readonly BookedAccount[]): void {
    const { log } = this.#options;
    const before = new Map(this.#booked.map((entry) => [entry.account.id, entry]));
    this.#booked = booked;
    const ids = new Set(booked.map(({ account }) => account.id));
    for (const id of this.#standings.keys()) if (!ids.has(id)) this.#forget(id);
    for (const { account } of booked) {
      const { id, accessToken, isEnabled } = account;
      const known = this.#standings.get(id);
      if (known && known.accessToken !== accessToken) this.#forget(id);
      if (accessToken === undefined) {
        const was = before.get(id)?.account;
        if (isEnabled && !(was?.isEnabled && was.accessToken === undefined))
          log.warn('account has no access token, a login is needed', {
            account: id,
            run: `${HOW_TO_LOG_IN} ${id}`,
          });
        continue;
      }
      const standing = this.#standings.get(id) ?? this.#open(id, accessToken);
      if (isEnabled && standing.state === 'unverified') this.#probe(standing);
    }
  }

  stop(): void {
    for (const id of [...this.#standings.keys()]) this.#forget(id);
  }

  /** A call was refused with this token. */
  noteRefused(accountId: string, accessToken: string): void {
    const standing = this.#standings.get(accountId);
    if (!standing || standing.accessToken !== accessToken || standing.state === 'refused') return;
    standing.state = 'refused';
    this.#options.log.error('kite refused the access token, a login is needed', {
      account: accountId,
      run: `${HOW_TO_LOG_IN} ${accountId}`,
    });
  }

  /** Looks at the sockets, which may have been refused, and at the clock; each second. */
  observe(statuses: readonly Pick<AccountStatus, 'id' | 'state'>[]): void {
    for (const { id, state } of statuses) {
      const standing = this.#standings.get(id);
      if (!standing) continue;
      const isRefused = state === 'unauthorized';
      if (isRefused && !standing.areSocketsRefused) this.#probe(standing);
      standing.areSocketsRefused = isRefused;
    }
    this.#warn();
  }

  /** The Zerodha user of an account whose token Kite has accepted and not refused since; undefined of all others. */
  userIdOf(accountId: string): string | undefined {
    const standing = this.#standings.get(accountId);
    const booked = this.#booked.find(({ account }) => account.id === accountId);
    return booked?.account.isEnabled && standing?.state === 'valid' ? standing.userId : undefined;
  }

  statusOf(accountId: string): LoginStatus | undefined {
    const booked = this.#booked.find(({ account }) => account.id === accountId);
    if (!booked) return undefined;
    const { tokenIssuedAtMs, tokenExpiresAtMs, isTokenUnreadable } = booked;
    const warning = tokenWarning(tokenExpiresAtMs, this.#options.clock.wallMs());
    return {
      state: this.#standings.get(accountId)?.state ?? (isTokenUnreadable ? 'unreadable' : 'missing'),
      ...(tokenIssuedAtMs === undefined ? {} : { issued_at: tokenIssuedAtMs }),
      ...(tokenExpiresAtMs === undefined ? {} : { expires_at: tokenExpiresAtMs }),
      ...(warning === undefined ? {} : { warning }),
    };
  }

  #open(accountId: string, accessToken: string): Standing {
    const standing: Standing = {
      accountId,
      accessToken,
      state: 'unverified',
      userId: undefined,
      isProbing: false,
      areSocketsRefused: false,
      failures: 0,
      retry: undefined,
      warned: new Set(),
    };
    this.#standings.set(accountId, standing);
    return standing;
  }

  #forget(accountId: string): void {
    this.#standings.get(accountId)?.retry?.cancel();
    this.#standings.delete(accountId);
  }

  #isCurrent(standing: Standing): boolean {
    return this.#standings.get(standing.accountId) === standing;
  }

  /** Asks Kite, unless that is under way or its answer is final. */
  #probe(standing: Standing): void {
    if (standing.isProbing || standing.state === 'refused') return;
    standing.isProbing = true;
    standing.retry?.cancel();
    void this.#ask(standing).then(() => {
      standing.isProbing = false;
    });
  }

  /** Never rejects. */
  async #ask(standing: Standing): Promise<void> {
    const { rest, clock, random, log } = this.#options;
    const { accountId } = standing;
    let userId: string;
    try {
      ({ user_id: userId } = await rest.call(PROBE, Profile, { accountId }));
    } catch (error) {
      if (!this.#isCurrent(standing)) return;
      // Kite's own refusal has been noted by then. Any other is ours, of a disabled account say, and says nothing.
      if (error instanceof KiteRestError && error.failure === 'unauthorized') return;
      // No answer about the token: one that is dead is not asked about twice, this one may be alive.
      const range = { minMs: TOKEN_PROBE_BACKOFF_MS_MIN, maxMs: TOKEN_PROBE_BACKOFF_MS_MAX };
      const delayMs = range.minMs + fullJitterMs(standing.failures++, range, random());
      log.warn('access token could not be verified', { account: accountId, error, retryInMs: delayMs });
      standing.retry = clock.after(delayMs, () => this.#probe(standing));
      return;
    }
    if (!this.#isCurrent(standing)) return;
    standing.failures = 0;
    if (standing.areSocketsRefused) {
      log.error(
        'kite refuses the sockets and accepts the token: is it of another app, or one without market data?',
        {
          account: accountId,
        },
      );
    }
    if (standing.state === 'unverified') log.info('kite accepted the access token', { account: accountId });
    standing.state = 'valid';
    standing.userId = userId;
  }

  /** By the clock, which may be wrong: it is said once per token and warning, and nothing is done. */
  #warn(): void {
    const { clock, log } = this.#options;
    for (const { account, tokenExpiresAtMs } of this.#booked) {
      const standing = this.#standings.get(account.id);
      const warning = tokenWarning(tokenExpiresAtMs, clock.wallMs());
      if (!standing || !account.isEnabled || warning === undefined || standing.warned.has(warning)) continue;
      standing.warned.add(warning);
      const text =
        warning === 'expires_soon'
          ? 'access token ends at 06:00 IST, a login is needed after that'
          : 'access token is past 06:00 IST, its sockets live until Kite ends them, a login is needed';
      log.warn(text, { account: account.id, run: `${HOW_TO_LOG_IN} ${account.id}` });
    }
  }
}
