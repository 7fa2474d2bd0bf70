// Mints the JSON Web Tokens that the user service would: RS256, its claims, its issuer and audience.
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
} from 'jose';
import { DEV_TOKEN_S } from './limits.ts';

export const TOKEN_ISSUER = 'user_service';
export const TOKEN_AUDIENCE = 'trading_platform';

export interface User {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
}

export interface MintOptions {
  /** Life of the token, negative for one that has expired already. */
  readonly expiresInS?: number;
  readonly issuer?: string;
  readonly audience?: string;
  /** Claims on top of the user's own; one that is undefined is left out of the token. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

export interface TokenIssuer {
  /** The public key, as /v1/auth/.well-known/jwks.json answers it. */
  readonly jwks: { readonly keys: readonly JWK[] };
  mint(user: User, options?: MintOptions): Promise<string>;
}

/** A fresh private signing key as a JSON Web Key. */
export async function generateSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
  const key = await exportJWK(privateKey);
  return { ...key, alg: 'RS256', use: 'sig', kid: await calculateJwkThumbprint(key) };
}

/** Only what a verifier may know: the other fields of a private RSA key stay here. */
function publicPart(key: JWK): JWK {
  const { kty, n, e, alg, use, kid } = key;
  return { kty, n, e, alg, use, kid } as JWK;
}

/** An issuer that signs with `signingKey`, a private RSA key as `generateSigningKey` makes it. */
export async function createTokenIssuer(signingKey: JWK): Promise<TokenIssuer> {
  const key = (await importJWK(signingKey, 'RS256')) as CryptoKey;
  return {
    jwks: { keys: [publicPart(signingKey)] },
    mint(user, options = {}) {
      const nowS = Math.floor(Date.now() / 1000);
      const claims = {
        email: user.email,
        name: user.name,
        roles: user.roles,
        permissions: user.permissions,
        sub: user.userId,
        iss: options.issuer ?? TOKEN_ISSUER,
        aud: options.audience ?? TOKEN_AUDIENCE,
        iat: nowS,
        exp: nowS + (options.expiresInS ?? DEV_TOKEN_S),
        ...options.claims,
      };
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(signingKey.kid ? { kid: signingKey.kid } : {}) })
        .sign(key);
    },
  };
}
