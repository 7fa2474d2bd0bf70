// All house rules over all files.
import {
  type CommittedMigration,
  checkCompilerConfig,
  checkLinterConfig,
  checkLockfile,
  checkMigrations,
} from './config-rules.ts';
import { checkImports } from './import-rules.ts';
import type { SourceFile, Violation } from './source-file.ts';
import { checkText } from './text-rules.ts';

/** What is broken, in the order of the files. `committed` are the migrations as they were first committed. */
export function checkHouse(
  files: readonly SourceFile[],
  committed: readonly CommittedMigration[],
): Violation[] {
  const found = files.flatMap((file) => {
    if (/^tsconfig\.[a-z-]+\.json$/.test(file.path)) return checkCompilerConfig(file);
    if (/(^|\/)package-lock\.json$/.test(file.path)) return checkLockfile(file);
    if (file.path === 'biome.json') return checkLinterConfig(file);
    return [...(/\.(ts|js)$/.test(file.path) ? checkImports(file) : []), ...checkText(file)];
  });
  return [...found, ...checkMigrations(committed, files)];
}
