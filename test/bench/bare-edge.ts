// A workerd that runs nothing but the bare Worker, with a socket of its own as dev/workerd.ts gives ours.
import { fileURLToPath } from 'node:url';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { childPids } from '../../dev/process-table.ts';

const DIRECTORY = fileURLToPath(new URL('.', import.meta.url));

export interface BareEdge {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Runs on 127.0.0.1 at `port`; it must be this process's only workerd. */
export async function startBareEdge(port: number, compatibilityDate: string): Promise<BareEdge> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [
        {
          name: 'bare',
          compatibilityDate,
          modules: [{ type: 'ESModule', path: `${DIRECTORY}bare-worker.js` }],
          modulesRoot: DIRECTORY,
          durableObjects: { GATEWAY: { className: 'BareGateway', useSQLite: true } },
          unsafeDirectSockets: [{ host: '127.0.0.1', port }],
        },
      ],
      port: 0,
      cf: false,
      log: new Log(LogLevel.WARN),
      logRequests: false,
      enableDevRegistry: false,
    }),
  );
  await miniflare.ready;
  const [pid] = childPids(process.pid, 'workerd');
  if (pid === undefined) throw new Error('workerd is not among the children of its host');
  return { pid, stop: () => miniflare.dispose() };
}
