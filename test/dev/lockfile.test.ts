import { expect, test } from 'vitest';
import { findMissingPlatformPackages } from '../../dev/lockfile.ts';

test('finds the platform packages that are missing, beside the package that wants them', () => {
  const packages = {
    '': { optionalDependencies: { 'own-linux-x64': '1.0.0' } },
    'node_modules/workerd': {
      version: '1.2.3',
      dev: true,
      optionalDependencies: {
        '@cloudflare/workerd-darwin-arm64': '1.2.3',
        '@cloudflare/workerd-windows-64': '^1.2.3',
      },
    },
    'node_modules/tool/node_modules/esbuild': {
      optionalDependencies: { '@esbuild/linux-x64-musl': '0.1.0', fsevents: '2.0.0' },
    },
    'node_modules/@cloudflare/workerd-windows-64': { version: '1.2.3' },
  };
  expect(findMissingPlatformPackages(packages)).toEqual([
    {
      place: 'node_modules/@cloudflare/workerd-darwin-arm64',
      entry: { version: '1.2.3', os: ['darwin'], cpu: ['arm64'], dev: true, optional: true },
    },
    {
      place: 'node_modules/tool/node_modules/@esbuild/linux-x64-musl',
      entry: { version: '0.1.0', os: ['linux'], cpu: ['x64'], libc: ['musl'], optional: true },
    },
  ]);
});

test('a package that Node would find further up is not missing', () => {
  const packages = {
    'node_modules/a/node_modules/esbuild': { optionalDependencies: { '@esbuild/linux-x64': '0.1.0' } },
    'node_modules/@esbuild/linux-x64': { version: '0.1.0' },
  };
  expect(findMissingPlatformPackages(packages)).toEqual([]);
});
