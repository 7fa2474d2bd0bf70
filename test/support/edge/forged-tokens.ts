// Tokens that somebody without the user service's key could make.
import { exportSPKI, importJWK, SignJWT } from 'jose';
import { inject } from 'vitest';
import { TRADER } from '../../../dev/demo-users.ts';
import {
  createTokenIssuer,
  generateSigningKey,
  TOKEN_AUDIENCE,
  TOKEN_ISSUER,
} from '../../../dev/token-issuer.ts';
import type {} from './provided-context.ts';

function claims() {
  return {
    sub: 'forger',
    iss: TOKEN_ISSUER,
    aud: TOKEN_AUDIENCE,
    exp: Math.floor(Date.now() / 1000) + 3_600,
  };
}

function base64Url(value: unknown): string {
  return btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Right in everything but the key, and that under the real key's id. */
export async function mintWithForeignKey(): Promise<string> {
  const foreign = await createTokenIssuer({
    ...(await generateSigningKey()),
    kid: inject('edge').signingKey.kid ?? '',
  });
  return foreign.mint(TRADER);
}

/** `alg: none`, without a signature. */
export function forgeUnsigned(): string {
  return `${base64Url({ alg: 'none', typ: 'JWT' })}.${base64Url(claims())}.`;
}

/** The confusion attack: HS256 with the text of the public key, which everybody has, as the secret. */
export async function forgeHs256(): Promise<string> {
  const publicKey = JSON.parse(inject('edge').jwks).keys[0];
  const pem = await exportSPKI((await importJWK({ ...publicKey, ext: true }, 'RS256')) as CryptoKey);
  const { kid } = publicKey;
  return new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid }).sign(new TextEncoder().encode(pem));
}
