// Kite's REST API over all accounts: a call goes to the account that it is for, or to the one that is least busy.
import type { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { KiteAccount } from './account.ts';
import { type CallOptions, KiteRestClient } from './rest-client.ts';
import { KiteRestError } from './rest-error.ts';
import type { KiteEndpoint, KiteRequest } from './rest-request.ts';

export interface RestPoolOptions {
  readonly endpoint: KiteEndpoint;
  readonly clock: Clock;
  readonly onUnauthorized: (accountId: string, accessToken: string) => void;
}

export class KiteRestPool {
  readonly #options: RestPoolOptions;
  /** By api_key too: another app under the same id starts with limits, and calls, of its own. */
  readonly #clients = new Map<string, { readonly apiKey: string; readonly client: KiteRestClient }>();

  constructor(options: RestPoolOptions) {
    this.#options = options;
  }

  /** Calls of accounts that are gone fail; those of disabled ones fail from now on. */
  setAccounts(accounts: readonly KiteAccount[]): void {
    const apiKeys = new Map(accounts.map(({ id, apiKey }) => [id, apiKey]));
    for (const [id, { apiKey, client }] of this.#clients) {
      if (apiKeys.get(id) === apiKey) continue;
      client.stop();
      this.#clients.delete(id);
    }
    for (const { id, apiKey, accessToken, isEnabled } of accounts) {
      const client = this.#clients.get(id)?.client ?? this.#open(id, apiKey);
      client.setSession(isEnabled && accessToken !== undefined ? { apiKey, accessToken } : undefined);
    }
  }

  stop(): void {
    for (const { client } of this.#clients.values()) client.stop();
    this.#clients.clear();
  }

  /** As KiteRestClient.call; with no account given, at the least busy one whose token is good as far as is known. */
  async call<T>(
    request: KiteRequest,
    schema: z.ZodType<T>,
    options: CallOptions & { readonly accountId?: string } = {},
  ): Promise<T> {
    const { accountId } = options;
    const client = accountId === undefined ? this.#leastBusy() : this.#clients.get(accountId)?.client;
    if (client) return client.call(request, schema, options);
    const problem = accountId === undefined ? 'no account is logged in' : `there is no account ${accountId}`;
    const message = `${request.method} ${request.path}: ${problem}`;
    throw new KiteRestError('unauthorized', message, { mayHaveArrived: false });
  }

  #leastBusy(): KiteRestClient | undefined {
    const clients = [...this.#clients.values()].map(({ client }) => client);
    return clients
      .filter(({ isAuthorized }) => isAuthorized)
      .reduce<KiteRestClient | undefined>(
        (best, client) => (best === undefined || client.load < best.load ? client : best),
        undefined,
      );
  }

  #open(accountId: string, apiKey: string): KiteRestClient {
    const { endpoint, clock, onUnauthorized } = this.#options;
    const client = new KiteRestClient({
      accountId,
      endpoint,
      clock,
      onUnauthorized: (accessToken) => onUnauthorized(accountId, accessToken),
    });
    this.#clients.set(accountId, { apiKey, client });
    return client;
  }
}
