// Tokens for edge tests, signed by the key that the Worker under test trusts.
import { inject } from 'vitest';
import { TRADER } from '../../../dev/demo-users.ts';
import { createTokenIssuer, type MintOptions, type User } from '../../../dev/token-issuer.ts';
import type {} from './provided-context.ts';

/** A token of the demo trader, or of `user`, that the Worker accepts unless `options` spoil it. */
export async function mintToken(options?: MintOptions, user: User = TRADER): Promise<string> {
  const issuer = await createTokenIssuer(inject('edge').signingKey);
  return issuer.mint(user, options);
}
