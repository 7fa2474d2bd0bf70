// What package-lock.json must hold for `npm ci` to pass on every platform, whichever one wrote it.

export interface LockPackage {
  version?: string;
  resolved?: string;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  dev?: boolean;
  engines?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** Packages by their place, as `node_modules/wrangler/node_modules/esbuild`; '' is the project itself. */
export type LockPackages = Record<string, LockPackage>;

export interface MissingPackage {
  readonly place: string;
  readonly entry: LockPackage;
}

const PLATFORM =
  /[-/](aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32|windows)-(64|arm|arm64|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64)(-musl|-gnu)?$/;

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
function isLocked(packages: LockPackages, place: string, name: string): boolean {
  let folder = `${place}/`;
  while (folder.includes('node_modules/')) {
    if (packages[`${folder}node_modules/${name}`]) return true;
    folder = folder.slice(0, folder.lastIndexOf('node_modules/', folder.length - 2));
  }
  return packages[`node_modules/${name}`] !== undefined;
}

/** Platform packages that some package wants optionally and the lockfile does not have, with the entry to add. */
export function findMissingPlatformPackages(packages: LockPackages): MissingPackage[] {
  const missing: MissingPackage[] = [];
  for (const [place, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const platform = platformOf(name);
      if (place === '' || !platform || isLocked(packages, place, name)) continue;
      const folder = place.slice(0, place.lastIndexOf('node_modules/'));
      missing.push({
        place: `${folder}node_modules/${name}`,
        entry: {
          version: version.replace(/^[~^]/, ''),
          ...platform,
          ...(entry.dev ? { dev: true } : {}),
          optional: true,
        },
      });
    }
  }
  return missing;
}
