// Adds to package-lock.json the platform packages that the registry in use did not offer, so that `npm ci` passes there
// and everywhere else. npm leaves an optional package out of the lockfile when it cannot see it at install time, and then
// refuses its own lockfile. Run after each dependency change: npm run lock
import { readFileSync, writeFileSync } from 'node:fs';

interface LockPackage {
  version?: string;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  dev?: boolean;
  engines?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, LockPackage> };

const PLATFORM = /-(android|darwin|freebsd|linux|openharmony|win32|windows)-(64|arm64|x64)(-musl|-gnu)?$/;

/** Operating system, processor and C library that a platform package's name tells, as in workerd-darwin-arm64. */
function platformOf(name: string): { os: string[]; cpu: string[]; libc?: string[] } | undefined {
  const match = PLATFORM.exec(name);
  if (!match?.[1] || !match[2]) return undefined;
  return {
    os: [match[1] === 'windows' ? 'win32' : match[1]],
    cpu: [match[2] === '64' ? 'x64' : match[2]],
    ...(match[3] ? { libc: [match[3] === '-musl' ? 'musl' : 'glibc'] } : {}),
  };
}

/** True where Node would find `name` when asked from the package at `place`. */
function isLocked(place: string, name: string): boolean {
  for (let folder = `${place}/`; ; folder = folder.slice(0, folder.lastIndexOf('node_modules/', folder.length - 2))) {
    if (lock.packages[`${folder}node_modules/${name}`]) return true;
    if (folder === '' || !folder.includes('node_modules/')) return lock.packages[`node_modules/${name}`] !== undefined;
  }
}

let added = 0;
for (const [place, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const platform = platformOf(name);
    if (place === '' || !platform || isLocked(place, name)) continue;
    const folder = place.slice(0, place.lastIndexOf('node_modules/'));
    lock.packages[`${folder}node_modules/${name}`] = {
      version: version.replace(/^[~^]/, ''),
      ...platform,
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
    };
    added++;
  }
}
const root = lock.packages[''];
delete lock.packages[''];
const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
lock.packages = { ...(root ? { '': root } : {}), ...sorted };
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added} platform packages added`);
