// Set-up of a whole test run, all projects: a host for databases, and the keys of the edge under test.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { createTokenIssuer, generateSigningKey } from '../../dev/token-issuer.ts';
import { type Cluster, startCluster } from './cluster.ts';
import type {} from './edge/provided-context.ts';

/** Hands out databases, of one PostgreSQL that starts when the first is asked for: most test files need none. */
async function startDatabaseHost(): Promise<{ url: string; stop(): Promise<void> }> {
  let cluster: Promise<Cluster> | undefined;
  const host = createServer((_request, response) => {
    cluster ??= startCluster();
    cluster
      .then((started) => started.createDatabase())
      .then(
        (url) => response.end(url),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
  });
  host.listen(0, '127.0.0.1');
  await once(host, 'listening');
  return {
    url: `http://127.0.0.1:${(host.address() as AddressInfo).port}/`,
    async stop() {
      host.close();
      host.closeAllConnections();
      await (await cluster)?.stop();
    },
  };
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [host, signingKey] = await Promise.all([startDatabaseHost(), generateSigningKey()]);
  const { jwks } = await createTokenIssuer(signingKey);
  project.provide('databaseHost', host.url);
  project.provide('fuzz', {
    messages: Number(process.env.FUZZ_MESSAGES ?? 20_000),
    seed: Number(process.env.FUZZ_SEED ?? randomInt(1, 2 ** 31)),
  });
  project.provide('edge', {
    ingestSecret: 'ingest-secret-of-the-edge-test-run',
    apiKeyPepper: 'api-key-pepper-of-the-edge-test-run',
    credentialsKeys: `test:${'5a'.repeat(32)}`,
    jwks: JSON.stringify(jwks),
    signingKey,
  });
  return host.stop;
}
