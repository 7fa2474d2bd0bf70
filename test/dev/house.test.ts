import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  checkCompilerConfig,
  checkLinterConfig,
  checkLockfile,
  checkMigrations,
} from '../../dev/house/config-rules.ts';
import { checkHouse } from '../../dev/house/rules.ts';
import { blank, importsOf } from '../../dev/house/source-file.ts';

/** Rules that a file with this body breaks, as "rule:line". */
function broken(path: string, body: string): string[] {
  const text = `// What the file is for.\n${body}\n`;
  return checkHouse([{ path, text }], []).map(({ rule, line }) => `${rule}:${line}`);
}

describe('imports', () => {
  test.each([
    ['worker/app.ts', '../ingest/config.ts'],
    ['ingest/main.ts', '../worker/app.ts'],
    ['shared/tick.ts', '../worker/env.ts'],
    ['shared/tick.ts', '../ingest/log.ts'],
    ['shared/tick.ts', 'zod'],
    ['dev/stack.ts', '../worker/env.ts'],
    ['migrations/runner.ts', '../shared/limits.ts'],
    ['worker/core/fanout.ts', '../durable/stubs.ts'],
    ['worker/core/fanout.ts', '../dialects/registry.ts'],
    ['worker/core/fanout.ts', 'hono'],
    ['ingest/core/batcher.ts', '../log.ts'],
    ['ingest/simulator/core/market.ts', '../../core/backoff.ts'],
    ['worker/dialects/openalgo.ts', './native-json.ts'],
    ['worker/dialects/openalgo.ts', '../core/fanout.ts'],
    ['worker/dialects/openalgo.ts', '../auth/jwt.ts'],
    ['worker/dialects/openalgo.ts', './registry.ts'],
    ['worker/dialects/native-binary.ts', './openalgo.ts'],
    ['worker/routes/health.ts', 'cloudflare:workers'],
    ['worker/durable/client-gateway.ts', 'zod'],
    ['ingest/core/batcher.ts', 'zod/v4'],
    ['ingest/orders/executor.ts', 'postgres'],
    ['worker/routes/health.ts', 'node:fs'],
  ])('%s may not import %s', (path, specifier) => {
    expect(broken(path, `import { x } from '${specifier}';`)).toEqual(['imports:2']);
    expect(broken(path, `export type { X } from "${specifier}";`)).toEqual(['imports:2']);
  });

  test.each([
    ['worker/app.ts', '../shared/errors.ts'],
    ['worker/core/fanout.ts', './protocol.ts'],
    ['worker/core/fanout.ts', '../../shared/tick.ts'],
    ['worker/dialects/openalgo.ts', '../core/protocol.ts'],
    ['worker/dialects/openalgo.ts', './dialect.ts'],
    ['worker/dialects/openalgo/rows.ts', '../standalone-rows.ts'],
    ['worker/dialects/openalgo/rows.ts', '../../core/row-format.ts'],
    ['worker/dialects/native-binary.ts', './native-json/command.ts'],
    ['worker/dialects/openalgo.ts', 'zod'],
    ['worker/dialects/registry.ts', './native-json.ts'],
    ['worker/durable/client-gateway.ts', 'cloudflare:workers'],
    ['worker/index.ts', 'cloudflare:workers'],
    ['worker/store/instruments.ts', 'postgres'],
    ['ingest/simulator/core/market.ts', './quote-view.ts'],
    ['ingest/config.ts', 'zod'],
    ['dev/stack.ts', '../migrations/runner.ts'],
    ['test/worker/app.test.ts', '../../ingest/config.ts'],
  ])('%s may import %s', (path, specifier) => {
    expect(broken(path, `import { x } from '${specifier}';`)).toEqual([]);
  });

  test('are found wherever they stand, not in comments', () => {
    const text = [
      "import type { A } from './a.ts';",
      "import './b.ts';",
      "// import './not.ts';",
      'import {',
      '  C,',
      "} from './c.ts';",
      "const d = await import('./d.ts');",
    ].join('\n');
    expect(importsOf({ path: 'worker/x.ts', text })).toEqual([
      { specifier: './a.ts', line: 1 },
      { specifier: './b.ts', line: 2 },
      { specifier: './c.ts', line: 6 },
      { specifier: './d.ts', line: 7 },
    ]);
  });
});

describe('words', () => {
  test.each([
    ['pure', 'shared/tick.ts', 'const at = Date.now();'],
    ['pure', 'shared/tick.ts', 'const at = new Date();'],
    ['pure', 'ingest/core/backoff.ts', 'const jitter = Math.random();'],
    ['pure', 'ingest/simulator/core/market.ts', 'const at = performance.now();'],
    ['pure', 'worker/core/fanout.ts', "console.log('x');"],
    ['pure', 'worker/dialects/native-json.ts', 'setTimeout(f, 1);'],
    ['pure', 'worker/core/fanout.ts', 'await fetch(url);'],
    ['stubs', 'worker/routes/stream.ts', "env.CLIENT_GATEWAY.idFromName('a');"],
    ['stubs', 'worker/durable/client-gateway.ts', "env.INSTRUMENT_SHARD.getByName('a');"],
    ['environment', 'ingest/main.ts', 'const key = process.env.KITE_API_KEY;'],
    ['environment', 'ingest/main.ts', "import { env } from 'node:process';"],
    ['sql', 'worker/routes/health.ts', 'await sql`select 1`;'],
    ['sql', 'ingest/orders/executor.ts', 'await sql<Row[]>`select 1`;'],
    ['stack', 'worker/app.ts', 'return error.stack;'],
    ['shared-promise', 'worker/auth/jwt.ts', 'let reading: Promise<void> | undefined;'],
    ['shared-promise', 'worker/auth/jwt.ts', 'const keys = new Map<string, Promise<CryptoKey>>();'],
    ['any', 'worker/app.ts', 'const x = y as any;'],
    ['any', 'worker/app.ts', 'function f(x: any): void {}'],
    ['any', 'worker/app.ts', 'const x: Map<string, any> = y;'],
    ['enum', 'worker/app.ts', 'export const enum Colour { Red }'],
    ['suppression', 'worker/app.ts', '// biome-ignore lint/style/noNonNullAssertion: x'],
    ['suppression', 'ingest/main.ts', '// @ts-expect-error x'],
  ])('%s is broken by %s: %s', (rule, path, code) => {
    expect(broken(path, code)).toEqual([`${rule}:2`]);
  });

  test.each([
    ['shared/tick.ts', 'const at = new Date(ms).toISOString(); // not Date.now()'],
    ['shared/tick.ts', "const text = 'Math.random() as any';"],
    ['shared/client/socket.ts', 'setTimeout(f, Date.now());'],
    ['worker/durable/stubs.ts', "namespace.getByName('a');"],
    ['worker/store/keys.ts', 'await sql`select 1`;'],
    ['ingest/config.ts', 'const environment = process.env;'],
    ['ingest/log.ts', 'const trace = error.stack;'],
    ['worker/app.ts', 'const load = async (): Promise<void> => undefined;'],
    ['worker/durable/shard-calls.ts', 'class A {\n  readonly #calls = new Map<number, Promise<void>>();\n}'],
    ['ingest/main.ts', 'let starting: Promise<void> | undefined;'],
    ['worker/app.ts', 'const first = Promise.any(list); /* any */ const company = 1;'],
    ['dev/main.ts', 'console.log(Date.now(), stack.stop());'],
  ])('nothing is broken by %s: %s', (path, code) => {
    expect(broken(path, code)).toEqual([]);
  });

  test('blanking keeps lines, what templates compute, and what follows a regular expression', () => {
    const hole = '$' + '{g.any}';
    const text = `a('x//y'); // b\n/* c\nd */ e(\`f ${hole} h\`);\nconst i = /['"\`]/.test(j); k;`;
    const bare = blank(text, true);
    expect(bare.split('\n')).toHaveLength(4);
    expect(bare).toContain(hole);
    expect(bare).not.toMatch(/[bcdfh]\b|x\/\/y/);
    expect(bare).toContain('k;');
  });
});

describe('files', () => {
  test('have at most 400 lines, objects 250, tests any number', () => {
    expect(broken('worker/app.ts', 'x;\n'.repeat(398))).toEqual([]);
    expect(broken('worker/app.ts', 'x;\n'.repeat(400))).toEqual(['size:401']);
    expect(broken('worker/durable/client-gateway.ts', 'x;\n'.repeat(250))).toEqual(['size:251']);
    expect(broken('test/worker/app.test.ts', 'x;\n'.repeat(1_000))).toEqual([]);
  });

  test.each([
    'worker/utils.ts',
    'worker/helpers/time.ts',
    'shared/common.ts',
    'test/support/misc.ts',
    'worker/ClientGateway.ts',
    'ingest/kite_connection.ts',
    'migrations/1_first.sql',
  ])('%s is a bad name', (path) => {
    const text = path.endsWith('.sql') ? '-- What it is for.\n' : '// What it is for.\n';
    expect(checkHouse([{ path, text }], []).map(({ rule }) => rule)).toEqual(['name']);
  });

  test.each([
    'worker/client-gateway.ts',
    'test/worker/a-b.edge.test.ts',
    'shared/ambient.d.ts',
    'vitest.config.ts',
  ])('%s is a good name', (path) => {
    expect(broken(path, '')).toEqual([]);
  });

  test('open with what they are for', () => {
    const rules = (path: string, text: string) => checkHouse([{ path, text }], []).map(({ rule }) => rule);
    expect(rules('worker/app.ts', "import { x } from './x.ts';\n")).toEqual(['opening']);
    expect(rules('migrations/0001_first.sql', 'create table t ();\n')).toEqual(['opening']);
    expect(rules('worker/app.ts', '/** The app. */\n')).toEqual([]);
    expect(rules('test/worker/app.test.ts', "import { x } from './x.ts';\n")).toEqual([]);
  });
});

describe('settings', () => {
  const own = (path: string) => ({
    path,
    text: readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'),
  });

  test('our own are good', () => {
    for (const name of ['base', 'pure', 'worker', 'ingest', 'edge-test']) {
      expect(checkCompilerConfig(own(`tsconfig.${name}.json`))).toEqual([]);
    }
    expect(checkLinterConfig(own('biome.json'))).toEqual([]);
    expect(checkLockfile(own('package-lock.json'))).toEqual([]);
    expect(checkLockfile(own('test/bench/peers/package-lock.json'))).toEqual([]);
  });

  test('a strict flag that is off, or taken back, is named', () => {
    const base = own('tsconfig.base.json');
    const weak = { ...base, text: base.text.replace('"exactOptionalPropertyTypes": true', '"x": true') };
    expect(checkCompilerConfig(weak).map(({ message }) => message)).toEqual([
      'exactOptionalPropertyTypes is not on',
    ]);
    const text = '{ "extends": "./tsconfig.base.json", "compilerOptions": { "strict": false } }';
    expect(checkCompilerConfig({ path: 'tsconfig.pure.json', text }).map(({ message }) => message)).toEqual([
      'strict is not on',
    ]);
    expect(checkCompilerConfig({ path: 'tsconfig.pure.json', text: '{}' })).toHaveLength(1);
  });

  test('a linter limit that was raised is named', () => {
    const linter = own('biome.json');
    const weak = { ...linter, text: linter.text.replace('"maxLines": 70', '"maxLines": 700') };
    expect(checkLinterConfig(weak).map(({ message }) => message)).toEqual([
      expect.stringContaining('noExcessiveLinesPerFunction'),
    ]);
  });

  test('a lockfile without a platform package, or with a foreign one, is refused', () => {
    const packages = {
      '': {},
      'node_modules/workerd': {
        version: '1.0.0',
        optionalDependencies: {
          '@cloudflare/workerd-linux-64': '1.0.0',
          '@cloudflare/workerd-darwin-64': '1.0.0',
        },
      },
      'node_modules/@cloudflare/workerd-linux-64': {
        version: '1.0.0',
        resolved: 'https://elsewhere.example/x.tgz',
      },
    };
    expect(
      checkLockfile({ path: 'package-lock.json', text: JSON.stringify({ packages }) }).map(
        ({ message }) => message,
      ),
    ).toEqual([
      'node_modules/@cloudflare/workerd-darwin-64 is missing: run npm run lock',
      'node_modules/@cloudflare/workerd-linux-64 comes from https://elsewhere.example/x.tgz',
    ]);
    const peers = { path: 'test/bench/peers/package-lock.json', text: JSON.stringify({ packages }) };
    expect(checkHouse([peers], [])).toEqual(checkLockfile(peers));
  });

  test('a committed migration may neither change nor go', () => {
    const committed = ['0001_a', '0002_b', '0003_c'].map((name) => ({
      path: `migrations/${name}.sql`,
      text: '-- a',
    }));
    const files = [
      { path: 'migrations/0001_a.sql', text: '-- a' },
      { path: 'migrations/0002_b.sql', text: '-- b' },
      { path: 'migrations/0004_d.sql', text: '-- new' },
    ];
    expect(checkMigrations(committed, files).map(({ path }) => path)).toEqual([
      'migrations/0002_b.sql',
      'migrations/0003_c.sql',
    ]);
  });
});
