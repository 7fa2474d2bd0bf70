// The three test projects: pure (Node), edge (inside workerd, by our own wrangler.toml) and e2e (the whole system).
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { migrate } from './migrations/runner.ts';
import { requestDatabase } from './test/support/database-host.ts';
import type {} from './test/support/edge/provided-context.ts';
import { importSocketsAhead } from './test/support/sockets-ahead.ts';

export default defineConfig({
  test: {
    // At the root, for all projects: in the edge project packages resolve to what they are inside workerd.
    globalSetup: ['test/support/global-setup.ts'],
    // The `postgres` package, inside workerd, has its socket's end reported to nobody, after sql.end() and when it was
    // never connected (polyfills.js, read).
    onUnhandledError: ({ message, stack }) =>
      !(
        ['This socket has been closed.', 'Stream was cancelled.'].includes(message) &&
        stack?.includes('postgres/cf/polyfills.js')
      ),
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.edge.test.ts', 'test/e2e/**'],
        },
      },
      {
        plugins: [
          importSocketsAhead,
          cloudflareTest(async ({ inject }) => {
            const edge = inject('edge');
            const databaseUrl = await requestDatabase(inject('databaseHost'));
            await migrate({ url: databaseUrl });
            // wrangler takes a Hyperdrive's local address and the required secrets from the environment only.
            Object.assign(process.env, {
              CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB: databaseUrl,
              INGEST_SECRET: edge.ingestSecret,
              API_KEY_PEPPER: edge.apiKeyPepper,
              CREDENTIALS_KEYS: edge.credentialsKeys,
              WRANGLER_LOG: 'error',
            });
            return {
              wrangler: { configPath: './wrangler.toml' },
              miniflare: { cf: false, bindings: { JWT_JWKS: edge.jwks, ENVIRONMENT: 'development' } },
            };
          }),
        ],
        test: { name: 'edge', include: ['test/**/*.edge.test.ts'] },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // A whole system per file, alone on the machine: files run one by one, after the other projects.
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
