// Applies the numbered SQL files of this folder to a database, once each and in order.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';

/** Any number that no other user of advisory locks in the same database takes: 'TEMG' in ASCII. */
const LOCK_KEY = 0x5445_4d47;
const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

interface Migration {
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

interface AppliedMigration {
  readonly name: string;
  readonly sha256: string;
}

export interface MigrationResult {
  /** Names of the files that this call applied. */
  readonly applied: readonly string[];
  /** Files that were applied before. */
  readonly alreadyAppliedCount: number;
}

export interface MigrateOptions {
  /** Address of the database itself: a transaction-pooling proxy in between is fine. */
  readonly url: string;
  /** Folder of the files; this one unless a test brings its own. */
  readonly directory?: string;
}

/** The migration files of `directory`. Throws when a name is malformed or the numbers are not 1, 2, 3, ... */
async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const number = FILE_NAME.exec(name)?.[1];
      if (number === undefined) throw new Error(`migration ${name}: the name is not NNNN_words.sql`);
      if (Number(number) !== index + 1) {
        throw new Error(
          `migration ${name}: number ${index + 1} was expected, files are numbered without gaps`,
        );
      }
      const text = await readFile(`${directory}/${name}`, 'utf8');
      return { name, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/** Throws unless what the database has applied is the beginning of what the folder holds, byte for byte. */
function checkHistory(applied: readonly AppliedMigration[], files: readonly Migration[]): void {
  for (const [index, past] of applied.entries()) {
    const file = files[index];
    if (file?.name !== past.name) {
      throw new Error(
        `migration ${past.name} is applied but the folder has ${file?.name ?? 'no file'} in its place: ` +
          'files are append-only',
      );
    }
    if (file.sha256 !== past.sha256) {
      throw new Error(`migration ${past.name} was changed after it was applied: write a new file instead`);
    }
  }
}

/** Takes the lock until the end of the transaction, then reads and checks the history. */
async function lockHistory(tx: postgres.TransactionSql, files: readonly Migration[]): Promise<number> {
  await tx`select pg_advisory_xact_lock(${LOCK_KEY})`;
  await tx`
    create table if not exists schema_migrations (
      name text primary key,
      sha256 text not null,
      applied_at timestamptz not null default now()
    )`;
  const applied = await tx<AppliedMigration[]>`select name, sha256 from schema_migrations order by name`;
  checkHistory(applied, files);
  return applied.length;
}

/**
 * Applies every file that is not applied yet, each in a transaction of its own together with its history row, under an
 * advisory lock: runners may start at once anywhere. A file that fails leaves nothing of itself and stops the run.
 * Throws when an applied file was changed, removed or preceded by a new one.
 */
export async function migrate(options: MigrateOptions): Promise<MigrationResult> {
  const files = await readMigrations(options.directory ?? fileURLToPath(new URL('.', import.meta.url)));
  const sql = postgres(options.url, { max: 1, onnotice: () => undefined, connect_timeout: 10 });
  const applied: string[] = [];
  try {
    const alreadyAppliedCount = await sql.begin((tx) => lockHistory(tx, files));
    for (const [index, file] of files.entries()) {
      if (index < alreadyAppliedCount) continue;
      await sql
        .begin(async (tx) => {
          // Another runner may have been here since: the history is read again under the lock.
          if ((await lockHistory(tx, files)) > index) return;
          await tx.unsafe(file.text).simple();
          await tx`insert into schema_migrations (name, sha256) values (${file.name}, ${file.sha256})`;
          applied.push(file.name);
        })
        .catch((cause: unknown) => {
          const reason = cause instanceof Error ? cause.message : String(cause);
          throw new Error(`migration ${file.name} failed: ${reason}`, { cause });
        });
    }
    return { applied, alreadyAppliedCount };
  } finally {
    await sql.end({ timeout: 5 });
  }
}
