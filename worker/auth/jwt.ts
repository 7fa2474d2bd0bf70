// Who a token says its bearer is: RS256 by the user service's JSON Web Key Set, issuer, audience and expiry checked.
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { z } from 'zod';
import type { ErrorCode } from '../../shared/errors.ts';
import {
  JWKS_CACHE_MS_MAX,
  JWKS_COOLDOWN_MS,
  JWKS_FETCH_MS_MAX,
  JWT_CHARS_MAX,
  PRINCIPAL_BYTES_MAX,
  USER_ID_CHARS_MAX,
} from '../../shared/limits.ts';
import { principalBytes } from '../core/attachment.ts';
import type { Bearer } from '../core/upgrade.ts';
import { VerifiedTokens } from '../core/verified-tokens.ts';
import type { Env } from '../env.ts';

export type Verdict =
  | { readonly ok: true; readonly principal: Bearer }
  | {
      readonly ok: false;
      readonly code: Extract<
        ErrorCode,
        'missing_token' | 'token_expired' | 'token_revoked' | 'authentication_failed' | 'keys_unavailable'
      >;
      /** The seed protocol's close reason; says what was wrong, never repeats the token. */
      readonly message: string;
    };

const Claims = z.object({
  sub: z.string().min(1).max(USER_ID_CHARS_MAX),
  exp: z.number(),
  iat: z.number().default(0),
  email: z.string().max(320).optional(),
  name: z.string().max(256).optional(),
  roles: z.array(z.string().max(64)).max(64).default([]),
  permissions: z.array(z.string().max(64)).max(256).default([]),
});

/** Whose tokens are good here, and which were found good. */
interface Issuer {
  readonly keys: JWTVerifyGetKey;
  readonly verified: VerifiedTokens;
}

/** Issuers of this isolate by all that tells them apart; one per configuration. */
const issuers = new Map<string, Issuer>();

function issuerOf(env: Env): Issuer {
  const source = env.JWT_JWKS ?? new URL('/v1/auth/.well-known/jwks.json', env.USER_SERVICE_URL).href;
  const id = `${env.JWT_ISSUER} ${env.JWT_AUDIENCE} ${source}`;
  let issuer = issuers.get(id);
  if (!issuer) {
    const keys = env.JWT_JWKS
      ? createLocalJWKSet(JSON.parse(env.JWT_JWKS))
      : createRemoteJWKSet(new URL(source), {
          timeoutDuration: JWKS_FETCH_MS_MAX,
          cooldownDuration: JWKS_COOLDOWN_MS,
          cacheMaxAge: JWKS_CACHE_MS_MAX,
        });
    issuer = { keys, verified: new VerifiedTokens() };
    issuers.set(id, issuer);
  }
  return issuer;
}

function failed(detail: string): Verdict {
  return { ok: false, code: 'authentication_failed', message: `Authentication failed: ${detail}` };
}

/** jose's texts name claims and algorithms, never values of ours or the token; each code gets one of our own. */
function verdictOf(error: unknown): Verdict {
  if (error instanceof errors.JWTExpired)
    return { ok: false, code: 'token_expired', message: 'Token expired' };
  if (error instanceof errors.JWTClaimValidationFailed)
    return failed(`claim ${error.claim} is ${error.reason}`);
  if (error instanceof errors.JOSEAlgNotAllowed) return failed('algorithm is not RS256');
  if (error instanceof errors.JWSSignatureVerificationFailed) return failed('signature does not match');
  if (error instanceof errors.JWKSNoMatchingKey) return failed('no such signing key');
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid)
    return failed('malformed token');
  if (error instanceof errors.JOSENotSupported) return failed('algorithm is not RS256');
  console.error(`signing keys are unavailable: ${error}`);
  return { ok: false, code: 'keys_unavailable', message: 'Signing keys are unavailable, try again' };
}

/** The bearer of the token, or why it is refused; revocations apart. Never throws. */
export async function verifyToken(token: string | undefined, env: Env): Promise<Verdict> {
  if (!token) return { ok: false, code: 'missing_token', message: 'Missing authentication token' };
  if (token.length > JWT_CHARS_MAX) return failed(`token of ${token.length} characters`);
  let payload: JWTPayload;
  let verified: VerifiedTokens;
  try {
    const issuer = issuerOf(env);
    verified = issuer.verified;
    const known = verified.get(token, Date.now());
    if (known) return { ok: true, principal: known };
    const checked = await jwtVerify(token, issuer.keys, {
      algorithms: ['RS256'],
      issuer: env.JWT_ISSUER,
      audience: env.JWT_AUDIENCE,
      requiredClaims: ['sub', 'exp'],
    });
    payload = checked.payload;
  } catch (error) {
    return verdictOf(error);
  }
  const claims = Claims.safeParse(payload);
  if (!claims.success) return failed(`claim ${claims.error.issues[0]?.path.join('.')} is invalid`);
  const { sub, exp, iat, email, name, roles, permissions } = claims.data;
  const optional = { ...(email === undefined ? {} : { email }), ...(name === undefined ? {} : { name }) };
  const principal = { userId: sub, ...optional, roles, permissions, expiresAtS: exp, issuedAtS: iat };
  // The claims live in the socket's attachment, beside its subscriptions: there is room for so much of them.
  const bytes = principalBytes(principal);
  if (bytes > PRINCIPAL_BYTES_MAX) return failed(`claims of ${bytes} bytes, at most ${PRINCIPAL_BYTES_MAX}`);
  verified.add(token, principal, Date.now());
  return { ok: true, principal };
}
