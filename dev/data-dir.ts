// The folder that a local system lives in: one runner at a time, and the secrets that were made for it.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { JWK } from 'jose';
import { API_KEY_PREFIX } from '../shared/api-key.ts';
import { processName } from './process-table.ts';
import { generateSigningKey } from './token-issuer.ts';

export interface Secrets {
  readonly ingestSecret: string;
  readonly apiKeyPepper: string;
  /** A key with every scope. */
  readonly apiKey: string;
  readonly databasePassword: string;
  /** Keys that the accounts' credentials are sealed with. */
  readonly credentialsKeys: string;
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

const random = () => randomBytes(24).toString('hex');

const SECRET_MAKERS: { readonly [name in keyof Secrets]: () => Secrets[name] | Promise<Secrets[name]> } = {
  ingestSecret: random,
  apiKeyPepper: random,
  apiKey: () => API_KEY_PREFIX + randomBytes(32).toString('base64url'),
  databasePassword: random,
  credentialsKeys: () => `dev:${randomBytes(32).toString('hex')}`,
  simulatorApiKey: () => randomBytes(8).toString('hex'),
  simulatorApiSecret: random,
  simulatorAccessToken: random,
  signingKey: generateSigningKey,
};

/** The secrets that are there, and new ones for what a folder of an earlier version lacks. */
async function completeSecrets(stored: Partial<Secrets>): Promise<Secrets> {
  const missing = Object.entries(SECRET_MAKERS).filter(([name]) => !(name in stored));
  const made = await Promise.all(missing.map(async ([name, make]) => [name, await make()] as const));
  return { ...stored, ...Object.fromEntries(made) } as Secrets;
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
  if (!existsSync(file) && existsSync(join(path, 'postgres'))) {
    release();
    throw new Error(
      `${file} is gone, and ${path} cannot be used without it: remove the folder to start afresh`,
    );
  }
  const stored = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Secrets>) : {};
  const secrets = await completeSecrets(stored);
  if (Object.keys(secrets).length === Object.keys(stored).length) return { path, secrets, release };
  // Written whole or not at all: a half-written file would lock its owner out of the database.
  writeFileSync(`${file}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return { path, secrets, release };
}
