// npm run build:client: the SDK as one ES module for browsers and Node, and its types, into dist/client.
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');

/** Writes `index.js` and `types/client/index.d.ts`; what `outFolder` held before is gone. */
export async function buildClient(outFolder: string): Promise<void> {
  await rm(outFolder, { recursive: true, force: true });
  const emit = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly'];
  const places = ['--rootDir', join(ROOT, 'shared'), '--outDir', join(outFolder, 'types')];
  await Promise.all([
    build({
      entryPoints: [join(ROOT, 'shared/client/index.ts')],
      outfile: join(outFolder, 'index.js'),
      bundle: true,
      format: 'esm',
      platform: 'neutral',
      target: 'es2022',
      minify: true,
      sourcemap: 'linked',
      logLevel: 'silent',
    }),
    promisify(execFile)(process.execPath, [
      COMPILER,
      '-p',
      join(ROOT, 'tsconfig.client.json'),
      ...emit,
      ...places,
    ]),
  ]);
}

if (import.meta.main) {
  const outFolder = join(ROOT, 'dist/client');
  await buildClient(outFolder);
  console.log(`client built into ${outFolder}`);
}
