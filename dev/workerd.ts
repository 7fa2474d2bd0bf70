// Runs the Worker locally: bundles it, configures workerd from wrangler.toml and keeps it running.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop as stopEsbuild } from 'esbuild';
import { convertV4MiniflareOptions, type LegacyWorkerOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { unstable_getMiniflareWorkerOptions } from 'wrangler';
import { childPids } from './process-table.ts';

export interface WorkerdOptions {
  readonly port: number;
  /** Storage of the Durable Objects, kept between runs; the bundle goes beside it. */
  readonly directory: string;
  readonly databaseUrl: string;
  readonly ingestSecret: string;
  readonly apiKeyPepper: string;
  readonly credentialsKeys: string;
  /** Added to, or in place of, the [vars] of wrangler.toml. */
  readonly vars: Readonly<Record<string, string>>;
  /** Called after each restart of the runtime: it crashed, or somebody killed it. */
  readonly onRestart: (pid: number) => void;
}

export interface Workerd {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Bundles the Worker as deployment does: workerd's own modules stay outside, packages by their workerd entry. */
async function bundle(entryPoint: string, directory: string): Promise<string> {
  const outfile = join(directory, 'worker.js');
  await build({
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2023',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    sourcemap: 'linked',
    logLevel: 'silent',
  });
  await stopEsbuild();
  return outfile;
}

/** wrangler reads the secrets and the local database address from the environment only. */
function readWorkerOptions(options: WorkerdOptions) {
  process.env.CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB = options.databaseUrl;
  process.env.INGEST_SECRET = options.ingestSecret;
  process.env.API_KEY_PEPPER = options.apiKeyPepper;
  process.env.CREDENTIALS_KEYS = options.credentialsKeys;
  const { workerOptions, main } = unstable_getMiniflareWorkerOptions(join(ROOT, 'wrangler.toml'));
  if (main === undefined) throw new Error('wrangler.toml: main is missing');
  // Its declared type lost its fields to an index signature; this is the type that it is built from. The rules for
  // choosing modules go: miniflare takes either them or a bundle.
  const { modulesRules: _, ...worker } = workerOptions as LegacyWorkerOptions & { modulesRules?: unknown };
  return { main, worker };
}

function soleWorkerdPid(): number {
  const [pid] = childPids(process.pid, 'workerd');
  if (pid === undefined) throw new Error('workerd is not among the children of its host');
  return pid;
}

/**
 * Starts workerd on 127.0.0.1 and has it restarted, on the same port and storage, whenever it dies.
 *
 * The Worker gets a socket of its own. Behind miniflare's front (and its asset router) an idle WebSocket costs 175 kB
 * and its upgrade 1.1 ms of CPU; directly, 74 kB and 0.3 ms, as nothing stands between the socket and the object. The
 * page's files are therefore served by a second Worker that does nothing else, bound under the name of wrangler.toml.
 */
export async function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  const { main, worker } = readWorkerOptions(options);
  const script = await bundle(main, options.directory);
  const { assets, ...edge } = worker;
  const filesBinding = assets?.binding;
  const workers: LegacyWorkerOptions[] = [
    {
      ...edge,
      name: 'edge',
      bindings: { ...edge.bindings, ...options.vars },
      modules: [{ type: 'ESModule', path: script }],
      modulesRoot: options.directory,
      unsafeDirectSockets: [{ host: '127.0.0.1', port: options.port }],
      serviceBindings: { ...edge.serviceBindings, ...(filesBinding ? { [filesBinding]: 'files' } : {}) },
    },
  ];
  if (assets && filesBinding) {
    workers.push({
      ...(edge.compatibilityDate === undefined ? {} : { compatibilityDate: edge.compatibilityDate }),
      name: 'files',
      modules: true,
      script: `export default { fetch: (request, env) => env[${JSON.stringify(filesBinding)}].fetch(request) };`,
      assets,
    });
  }
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers,
      port: 0,
      cf: false,
      log: new Log(LogLevel.WARN),
      logRequests: false,
      enableDevRegistry: false,
      resourcePersistencePath: options.directory,
      unsafeHandleRuntimeRestart: () => options.onRestart(soleWorkerdPid()),
    }),
  );
  await miniflare.ready;
  return {
    url: `http://127.0.0.1:${options.port}`,
    pid: soleWorkerdPid(),
    async stop() {
      await miniflare.dispose();
      rmSync(script, { force: true });
    },
  };
}
