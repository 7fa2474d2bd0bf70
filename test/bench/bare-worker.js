// The least that a hibernating socket costs: a Worker that hands the upgrade to an object, which accepts it.
import { DurableObject } from 'cloudflare:workers';

/** As long as the `connected` message of the native protocol. */
const WELCOME = `{"type":"connected","padding":"${'x'.repeat(800)}"}`;

export class BareGateway extends DurableObject {
  /** A client that brings a token in its URL is told something, as the native protocol has it. */
  fetch(request) {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    if (new URL(request.url).searchParams.has('token')) server.send(WELCOME);
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
