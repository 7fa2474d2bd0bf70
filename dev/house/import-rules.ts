// Which part may import which: worker -> shared <- ingest, shells -> core -> shared, dialects apart from each other.
import { posix } from 'node:path';
import { importsOf, type SourceFile, type Violation } from './source-file.ts';

/** Top-level folders and what each may import from the others. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  worker: ['shared'],
  ingest: ['shared'],
  migrations: [],
  dev: ['shared', 'migrations'],
  test: ['shared', 'worker', 'ingest', 'migrations', 'dev'],
};

/** Packages with a place of their own, and where that is. */
const PACKAGE_PLACES: readonly { name: string; places: RegExp }[] = [
  { name: 'cloudflare:workers', places: /^(worker\/(durable\/|index\.ts$)|test\/)/ },
  {
    name: 'zod',
    places: /^(worker\/(routes|dialects|auth)\/|ingest\/(config\.ts$|kite\/|edge\/|simulator\/)|test\/)/,
  },
  { name: 'postgres', places: /^(worker|ingest)\/store\/|^migrations\/|^dev\/|^test\// },
];

const DIALECT = /^worker\/dialects\/([^/.]+)(?:\.ts$|\/)/;
/** Files of the dialects folder that are not a dialect: the contract, the table, and what rows of any dialect are kept in. */
const DIALECT_FRAME = new Set(['dialect', 'registry', 'row-bytes', 'standalone-rows']);
/** What the contract is written in. */
const CONTRACT = /^worker\/core\/(protocol|row-format|subscriptions|terms)\.ts$/;
/** Dialects of one protocol: they differ in how ticks are sent, and share the rest. */
const NATIVE = /^native-/;

function topFolder(path: string): string {
  return path.split('/')[0] as string;
}

/** The core folder that a file is in, as `ingest/core` or `ingest/simulator/core`. */
function coreFolder(path: string): string | undefined {
  return /^((?:worker|ingest)\/(?:.+\/)?core)\//.exec(path)?.[1];
}

function checkCore(path: string, target: string): string | undefined {
  const core = coreFolder(path);
  if (core === undefined || target.startsWith(`${core}/`) || topFolder(target) === 'shared') return undefined;
  return `${core} imports ${target}: core knows only itself and shared`;
}

function checkDialect(path: string, target: string): string | undefined {
  const name = DIALECT.exec(path)?.[1];
  if (name === undefined || name === 'registry') return undefined;
  const other = DIALECT.exec(target)?.[1];
  if (other === name) return undefined;
  if (other !== undefined) {
    const isShared =
      (DIALECT_FRAME.has(other) && other !== 'registry') || (NATIVE.test(name) && NATIVE.test(other));
    return isShared ? undefined : `dialect ${name} imports dialect ${other}`;
  }
  if (CONTRACT.test(target) || topFolder(target) === 'shared') return undefined;
  return `dialect ${name} imports ${target}: only the contract, what it is written in, and shared`;
}

function checkFile(path: string, target: string): string | undefined {
  const from = topFolder(path);
  const to = topFolder(target);
  const allowed = ARROWS[from];
  if (allowed && from !== to && ARROWS[to] && !allowed.includes(to)) return `${from} imports ${to}`;
  return checkCore(path, target) ?? checkDialect(path, target);
}

function checkPackage(path: string, specifier: string): string | undefined {
  if (topFolder(path) === 'shared') return `shared imports ${specifier}: it depends on nothing`;
  if (coreFolder(path) !== undefined) return `core imports ${specifier}: it depends on nothing but shared`;
  const rule = PACKAGE_PLACES.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
  if (rule && !rule.places.test(path)) return `${specifier} is not imported here`;
  if (topFolder(path) === 'worker' && specifier.startsWith('node:')) return `the worker imports ${specifier}`;
  return undefined;
}

export function checkImports(file: SourceFile): Violation[] {
  return importsOf(file).flatMap(({ specifier, line }) => {
    const message = specifier.startsWith('.')
      ? checkFile(file.path, posix.join(posix.dirname(file.path), specifier))
      : checkPackage(file.path, specifier);
    return message === undefined ? [] : [{ path: file.path, line, rule: 'imports', message }];
  });
}
