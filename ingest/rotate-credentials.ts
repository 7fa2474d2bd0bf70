// `npm run accounts:rotate`: seals the accounts' credentials anew with the first of CREDENTIALS_KEYS.
import { hostname, userInfo } from 'node:os';
import { readRotationConfig } from './config.ts';
import { openVault } from './kite/accounts.ts';
import { rotateCredentials } from './kite/credential-rotation.ts';
import { errorText } from './log.ts';
import { AccountStore } from './store/accounts.ts';

async function main(): Promise<boolean> {
  const { DATABASE_URL, CREDENTIALS_KEYS } = readRotationConfig();
  const vault = openVault(CREDENTIALS_KEYS);
  const store = new AccountStore(DATABASE_URL, `host:${userInfo().username}@${hostname()}`);
  try {
    const { rotated, failed } = await rotateCredentials({ store, vault });
    for (const { error } of failed) process.stderr.write(`not rotated: ${errorText(error)}\n`);
    const outcome =
      failed.length === 0
        ? 'no other key is needed any more'
        : `${failed.length} are still sealed with other keys`;
    process.stdout.write(`${rotated} credentials sealed with key ${vault.currentKeyId}; ${outcome}\n`);
    return failed.length === 0;
  } finally {
    await store.close();
  }
}

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`credentials were not rotated: ${errorText(error)}\n`);
  process.exitCode = 1;
}
