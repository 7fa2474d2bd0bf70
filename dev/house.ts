// npm run check:house: the rules of the house that neither the compiler nor the linter can keep.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CommittedMigration } from './house/config-rules.ts';
import { checkHouse } from './house/rules.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHECKED = /\.(ts|js|sql|css|html|toml)$|^(tsconfig\.[a-z-]+|biome)\.json$|(^|\/)package-lock\.json$/;
const LISTING_BYTES_MAX = 64 * 1024 * 1024;

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: LISTING_BYTES_MAX });
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** Tracked files and new ones, without what is ignored; recorded samples of the outside world keep their own names. */
function listFiles(): string[] {
  return lines(git('ls-files', '--cached', '--others', '--exclude-standard')).filter(
    (path) => CHECKED.test(path) && !path.startsWith('test/fixtures/') && existsSync(`${ROOT}${path}`),
  );
}

/** Each migration that was ever committed, as its first commit had it. */
function readCommittedMigrations(): CommittedMigration[] {
  const log = lines(
    git('log', '--diff-filter=A', '--reverse', '--name-only', '--format=commit %H', '--', 'migrations/*.sql'),
  );
  const first = new Map<string, string>();
  let commit = '';
  for (const line of log) {
    if (line.startsWith('commit ')) commit = line.slice('commit '.length);
    else if (!first.has(line)) first.set(line, commit);
  }
  return [...first].map(([path, hash]) => ({ path, text: git('show', `${hash}:${path}`) }));
}

const files = listFiles().map((path) => ({ path, text: readFileSync(`${ROOT}${path}`, 'utf8') }));
const violations = checkHouse(files, readCommittedMigrations());
for (const { path, line, rule, message } of violations) console.error(`${path}:${line} ${rule}: ${message}`);
if (violations.length > 0) {
  console.error(`${violations.length} house rules are broken`);
  process.exit(1);
}
console.log(`${files.length} files keep the house rules`);
