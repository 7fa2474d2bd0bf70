// The Worker's entry: the app, and the Durable Object classes that the runtime looks for here.
import { app } from './app.ts';
import type { Env } from './env.ts';

export { ClientGateway } from './durable/client-gateway.ts';
export { ControlLink } from './durable/control-link.ts';
export { InstrumentShard } from './durable/instrument-shard.ts';

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
