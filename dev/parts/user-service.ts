// Program of the user service part: the local issuer of tokens.
import type { JWK } from 'jose';
import { createTokenIssuer } from '../token-issuer.ts';
import { startUserService } from '../user-service.ts';
import { reportReady, requiredEnv, stopOnSignal } from './part-program.ts';

const signingKey = JSON.parse(requiredEnv('SIGNING_KEY')) as JWK;
const service = await startUserService({
  port: Number(requiredEnv('USER_SERVICE_PORT')),
  issuer: await createTokenIssuer(signingKey),
});
stopOnSignal(() => service.stop());
reportReady({ url: service.url });
