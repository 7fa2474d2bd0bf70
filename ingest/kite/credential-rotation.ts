// Seals all stored credentials anew with the current key, so that older keys can be thrown away.
import type { CredentialVault } from '../../shared/credential-vault.ts';
import type { AccountStore, StoredEnvelope } from '../store/accounts.ts';

export interface RotationOptions {
  readonly store: Pick<AccountStore, 'readEnvelopesOfOtherKeys' | 'replaceEnvelope'>;
  readonly vault: Pick<CredentialVault<never>, 'currentKeyId' | 'open' | 'seal'>;
}

export interface RotationResult {
  readonly rotated: number;
  /** Those that no key opens, and why; they stay as they are. */
  readonly failed: readonly { readonly place: StoredEnvelope; readonly error: unknown }[];
}

/**
 * Each envelope is replaced by itself, and only if it is still the one that was read: a rotation that was cut off goes
 * on where it ended, and a login at the same time is not undone. Rejects when the database is away.
 */
export async function rotateCredentials({ store, vault }: RotationOptions): Promise<RotationResult> {
  const failed = new Map<string, { place: StoredEnvelope; error: unknown }>();
  let rotated = 0;
  for (;;) {
    const found = await store.readEnvelopesOfOtherKeys(vault.currentKeyId);
    const places = found.filter(({ envelope }) => !failed.has(envelope));
    if (places.length === 0) {
      const still = found.flatMap(({ envelope }) => failed.get(envelope) ?? []);
      return { rotated, failed: still };
    }
    for (const place of places) {
      let replacement: string;
      try {
        replacement = await vault.seal(await vault.open(place.envelope, place), place);
      } catch (error) {
        failed.set(place.envelope, { place, error });
        continue;
      }
      if (await store.replaceEnvelope(place, replacement)) rotated++;
    }
  }
}
