// Rules about the project's settings: the compiler's strictness, the linter's limits, the lockfile, the migrations.
import { findMissingPlatformPackages, type LockPackages } from '../lockfile.ts';
import type { SourceFile, Violation } from './source-file.ts';

const STRICT_FLAGS = [
  'strict',
  'noUncheckedIndexedAccess',
  'exactOptionalPropertyTypes',
  'noImplicitOverride',
  'noImplicitReturns',
  'noFallthroughCasesInSwitch',
  'noUnusedLocals',
  'noUnusedParameters',
  'verbatimModuleSyntax',
  'erasableSyntaxOnly',
  'useUnknownInCatchVariables',
] as const;

const REGISTRY = 'https://registry.npmjs.org/';

interface CompilerConfig {
  readonly extends?: string;
  readonly compilerOptions?: Readonly<Record<string, unknown>>;
}

/** The base has every flag; the others extend it and take none back. */
export function checkCompilerConfig(file: SourceFile): Violation[] {
  const config = JSON.parse(file.text) as CompilerConfig;
  const isBase = file.path.endsWith('tsconfig.base.json');
  const violation = (message: string) => ({ path: file.path, line: 1, rule: 'strict', message });
  const found = STRICT_FLAGS.filter((flag) => {
    const value = config.compilerOptions?.[flag];
    return isBase ? value !== true : value !== undefined && value !== true;
  }).map((flag) => violation(`${flag} is not on`));
  if (!isBase && config.extends !== './tsconfig.base.json')
    found.push(violation('does not extend tsconfig.base.json'));
  return found;
}

interface LinterConfig {
  readonly linter?: { readonly rules?: Readonly<Record<string, Readonly<Record<string, unknown>> | string>> };
}

/** The limits that the linter keeps for us are still set there. */
export function checkLinterConfig(file: SourceFile): Violation[] {
  const rules = (JSON.parse(file.text) as LinterConfig).linter?.rules ?? {};
  const setting = (group: string, name: string) =>
    JSON.stringify((rules[group] as Record<string, unknown>)?.[name]);
  const expected = [
    ['complexity', 'noExcessiveLinesPerFunction', '{"level":"error","options":{"maxLines":70}}'],
    ['suspicious', 'noExplicitAny', '"error"'],
    ['suspicious', 'noEmptyBlockStatements', '"error"'],
    ['style', 'noNonNullAssertion', '"error"'],
    ['style', 'noEnum', '"error"'],
  ] as const;
  return expected
    .filter(([group, name, value]) => setting(group, name) !== value)
    .map(([group, name, value]) => ({
      path: file.path,
      line: 1,
      rule: 'linter',
      message: `${group}/${name} is not ${value}`,
    }));
}

/** `npm ci` passes on every platform, and everything comes from the public registry. */
export function checkLockfile(file: SourceFile): Violation[] {
  const { packages } = JSON.parse(file.text) as { packages: LockPackages };
  const violation = (message: string) => ({ path: file.path, line: 1, rule: 'lockfile', message });
  const missing = findMissingPlatformPackages(packages).map(({ place }) =>
    violation(`${place} is missing: run npm run lock`),
  );
  const foreign = Object.entries(packages)
    .filter(([, { resolved }]) => resolved !== undefined && !resolved.startsWith(REGISTRY))
    .map(([place, { resolved }]) => violation(`${place} comes from ${resolved}`));
  return [...missing, ...foreign];
}

export interface CommittedMigration {
  readonly path: string;
  /** The text of its first commit. */
  readonly text: string;
}

/** A committed migration may have run anywhere: it stays as it was. */
export function checkMigrations(
  committed: readonly CommittedMigration[],
  files: readonly SourceFile[],
): Violation[] {
  return committed.flatMap(({ path, text }) => {
    const now = files.find((file) => file.path === path);
    if (now?.text === text) return [];
    const what = now ? 'was changed' : 'was removed';
    return [
      {
        path,
        line: 1,
        rule: 'migrations',
        message: `${what} after it was committed: write a new file instead`,
      },
    ];
  });
}
