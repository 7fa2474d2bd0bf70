// The three test projects: pure (Node), edge (inside workerd, by our own wrangler.toml) and e2e (the whole system).
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.edge.test.ts', 'test/e2e/**'],
          globalSetup: ['test/support/database-setup.ts'],
        },
      },
      {
        plugins: [
          cloudflareTest(({ inject }) => {
            const edge = inject('edge');
            // wrangler takes a Hyperdrive's local address and the required secrets from the environment only.
            Object.assign(process.env, {
              CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB: edge.databaseUrl,
              INGEST_SECRET: edge.ingestSecret,
              WRANGLER_LOG: 'error',
            });
            return {
              wrangler: { configPath: './wrangler.toml' },
              miniflare: { cf: false, bindings: { JWT_JWKS: edge.jwks, ENVIRONMENT: 'development' } },
            };
          }),
        ],
        test: {
          name: 'edge',
          include: ['test/**/*.edge.test.ts'],
          exclude: ['test/e2e/**'],
          globalSetup: ['test/support/edge-setup.ts'],
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/support/database-setup.ts'],
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
