// Types of `env` and `exports` in edge tests: the Worker's own bindings and entry.
declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: typeof import('../../../worker/index.ts');
  }
  interface Env {
    readonly INSTRUMENT_SHARD: import('../../../worker/env.ts').Env['INSTRUMENT_SHARD'];
    readonly CLIENT_GATEWAY: import('../../../worker/env.ts').Env['CLIENT_GATEWAY'];
    readonly CONTROL_LINK: import('../../../worker/env.ts').Env['CONTROL_LINK'];
    readonly DB: Hyperdrive;
    readonly INGEST_SECRET: string;
    readonly API_KEY_PEPPER: string;
    readonly CREDENTIALS_KEYS: string;
  }
}
