// The Worker's entry: sockets and the REST app, and the Durable Object classes that the runtime looks for here.
import { app, errorResponse } from './app.ts';
import type { Env } from './env.ts';
import { streamKite } from './routes/kite-stream.ts';
import { streamTicks } from './routes/stream.ts';

export { ClientGateway } from './durable/client-gateway.ts';
export { ControlLink } from './durable/control-link.ts';
export { InstrumentShard } from './durable/instrument-shard.ts';

/** Doors of sockets. They are no routes of the app: a tenth of an upgrade would be its routing, and middleware breaks a 101. */
const STREAMS: ReadonlyMap<string, typeof streamTicks> = new Map([
  ['/ws/ticks', streamTicks],
  ['/ws/kite', streamKite],
  // As Kite's own address ends, which is what this one takes the place of.
  ['/ws/kite/', streamKite],
]);

function pathOf({ url }: Request): string {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  const end = url.indexOf('?', start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

async function fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const stream = STREAMS.get(pathOf(request));
  if (!stream) return app.fetch(request, env, ctx);
  try {
    return await stream(request, env, ctx);
  } catch (error) {
    return errorResponse(error, request);
  }
}

export default { fetch } satisfies ExportedHandler<Env>;
