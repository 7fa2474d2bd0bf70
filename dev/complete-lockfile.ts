// Adds to package-lock.json the platform packages that the registry in use did not offer, so that `npm ci` passes there
// and everywhere else. npm leaves an optional package out of the lockfile when it cannot see it at install time, and then
// refuses its own lockfile. Run after each dependency change: npm run lock
import { readFileSync, writeFileSync } from 'node:fs';
import { findMissingPlatformPackages, type LockPackages } from './lockfile.ts';

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: LockPackages };
const missing = findMissingPlatformPackages(lock.packages);
for (const { place, entry } of missing) lock.packages[place] = entry;
// The project itself, '', sorts first.
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${missing.length} platform packages added`);
