// The least that a hibernating socket costs: a Worker that hands the upgrade to an object, which accepts it.
import { DurableObject } from 'cloudflare:workers';

export class BareGateway extends DurableObject {
  fetch() {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage() {
    // Nobody sends anything.
  }
}

/** As many to an object as a gateway of ours takes. */
const SOCKETS_PER_OBJECT = 1_000;
let upgrades = 0;

export default {
  fetch(request, env) {
    const slot = Math.floor(upgrades++ / SOCKETS_PER_OBJECT);
    return env.GATEWAY.getByName(`bare:${slot}`).fetch(request);
  },
};
