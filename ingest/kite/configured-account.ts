// The one Kite account that the environment names, for a sidecar without a table of accounts.
import type { Config } from '../config.ts';
import { constantSource, type Source } from '../source.ts';
import type { KiteAccount } from './account.ts';

export const CONFIGURED_ACCOUNT_ID = 'primary';

export function configuredAccount(config: Config): Source<readonly KiteAccount[]> {
  return constantSource([
    {
      id: CONFIGURED_ACCOUNT_ID,
      apiKey: config.KITE_API_KEY,
      accessToken: config.KITE_ACCESS_TOKEN,
      isEnabled: true,
      connectionsMax: config.MAX_WS_CONNECTIONS,
      instrumentsMax: config.MAX_INSTRUMENTS_PER_WS,
    },
  ]);
}
