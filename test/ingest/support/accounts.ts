// Kite accounts made by hand for tests.
import type { KiteAccount } from '../../../ingest/kite/account.ts';

/** An enabled account with a token; its api_key is `key-<id>`, its access token `token-<id>`. */
export function accountOf(id: string, parts: Partial<KiteAccount> = {}): KiteAccount {
  return {
    id,
    apiKey: `key-${id}`,
    accessToken: `token-${id}`,
    isEnabled: true,
    connectionsMax: 3,
    instrumentsMax: 3_000,
    ...parts,
  };
}

export function withoutToken({ accessToken: _, ...account }: KiteAccount): KiteAccount {
  return account;
}
