// Our Worker in a workerd of its own, with a database and without a sidecar, for benches that are about sockets only.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../dev/free-port.ts';
import { createTokenIssuer, generateSigningKey } from '../../dev/token-issuer.ts';
import { startWorkerd } from '../../dev/workerd.ts';
import { migrate } from '../../migrations/runner.ts';
import { CONNECTIONS_PER_USER_MAX } from '../../shared/limits.ts';
import { startCluster } from '../support/cluster.ts';

export interface EdgeHost {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  /** What the edge takes the sidecar's posts with. */
  readonly ingestSecret: string;
  tokenOf(userId: string): Promise<string>;
  /** Endpoints of as many users as this many clients need, their tokens included. */
  urlsFor(clients: number): Promise<string[]>;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const INGEST_SECRET = 'ingest-secret-of-a-bench';

/** Runs on a free port; its workerd must be this process's only one. `vars` are added to those of wrangler.toml. */
export async function startEdgeHost(vars: Readonly<Record<string, string>> = {}): Promise<EdgeHost> {
  const directory = mkdtempSync(join(tmpdir(), 'ticker-edge-host-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  const cluster = await startCluster();
  const databaseUrl = await cluster.createDatabase();
  await migrate({ url: databaseUrl });
  const issuer = await createTokenIssuer(await generateSigningKey());
  const port = await findFreePort();
  const workerd = await startWorkerd({
    port,
    directory,
    databaseUrl,
    ingestSecret: INGEST_SECRET,
    apiKeyPepper: 'api-key-pepper-of-a-bench',
    credentialsKeys: `bench:${'0'.repeat(64)}`,
    vars: { JWT_JWKS: JSON.stringify(issuer.jwks), ENVIRONMENT: 'development', ...vars },
    onRestart: () => {
      throw new Error('workerd has died under the bench');
    },
  });
  return {
    pid: workerd.pid,
    host: HOST,
    port,
    ingestSecret: INGEST_SECRET,
    tokenOf: (userId) => mintFor(issuer, userId),
    urlsFor: (clients) => endpointsOf(issuer, `ws://${HOST}:${port}/ws/ticks`, clients, 'bench'),
    async stop() {
      await workerd.stop();
      await cluster.stop();
      process.off('exit', remove);
      remove();
    },
  };
}

type Minter = Pick<Awaited<ReturnType<typeof createTokenIssuer>>, 'mint'>;

function mintFor(issuer: Minter, userId: string): Promise<string> {
  return issuer.mint({
    userId,
    email: `${userId}@example.com`,
    name: `Trader ${userId}`,
    roles: ['trader'],
    permissions: ['market:read'],
  });
}

/** One endpoint per user of a group; clients take them in turn, so that no user has more sockets than he may. */
export async function endpointsOf(
  issuer: Minter,
  ws: string,
  clients: number,
  group: string,
): Promise<string[]> {
  const users = Math.ceil(clients / CONNECTIONS_PER_USER_MAX);
  const tokens = Array.from({ length: users }, (_, i) => mintFor(issuer, `${group}_${i}`));
  return (await Promise.all(tokens)).map((token) => `${ws}?token=${token}`);
}
