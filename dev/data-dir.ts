// The folder that a local system lives in: one runner at a time, and the secrets that were made for it.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { JWK } from 'jose';
import { processName } from './process-table.ts';
import { generateSigningKey } from './token-issuer.ts';

export interface Secrets {
  readonly ingestSecret: string;
  readonly databasePassword: string;
  /** What the simulator accepts; live credentials never come here. */
  readonly simulatorApiKey: string;
  readonly simulatorApiSecret: string;
  readonly simulatorAccessToken: string;
  readonly signingKey: JWK;
}

export interface DataDir {
  readonly path: string;
  readonly secrets: Secrets;
  /** Lets the next runner in. */
  release(): void;
}

async function createSecrets(): Promise<Secrets> {
  const random = () => randomBytes(24).toString('hex');
  return {
    ingestSecret: random(),
    databasePassword: random(),
    simulatorApiKey: randomBytes(8).toString('hex'),
    simulatorApiSecret: random(),
    simulatorAccessToken: random(),
    signingKey: await generateSigningKey(),
  };
}

/** Two runners on one folder would fight over its database. */
function lock(path: string): () => void {
  const file = join(path, 'runner.pid');
  if (existsSync(file)) {
    const pid = Number(readFileSync(file, 'utf8'));
    if (pid > 0 && pid !== process.pid && processName(pid) !== undefined) {
      throw new Error(
        `${path} is in use by process ${pid}: stop it, or choose another folder with --data-dir ` +
          `(if ${pid} is something else, remove ${file})`,
      );
    }
  }
  writeFileSync(file, String(process.pid));
  return () => rmSync(file, { force: true });
}

/** Opens or creates the folder. Throws when another runner that is alive holds it. */
export async function openDataDir(directory: string): Promise<DataDir> {
  const path = resolve(directory);
  mkdirSync(path, { recursive: true });
  const release = lock(path);
  const file = join(path, 'secrets.json');
  if (existsSync(file)) {
    return { path, secrets: JSON.parse(readFileSync(file, 'utf8')) as Secrets, release };
  }
  if (existsSync(join(path, 'postgres'))) {
    release();
    throw new Error(
      `${file} is gone, and ${path} cannot be used without it: remove the folder to start afresh`,
    );
  }
  const secrets = await createSecrets();
  // Written whole or not at all: a half-written file would lock its owner out of the database.
  writeFileSync(`${file}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return { path, secrets, release };
}
