// The clients' door: WebSocket upgrades, with the token checked before any object is woken.
import { type Context, Hono } from 'hono';
import { AppError, ERRORS } from '../../shared/errors.ts';
import { CLOSE_REASON_BYTES_MAX, GATEWAY_SLOTS_MAX } from '../../shared/limits.ts';
import { tokenOf, type Verdict, verifyToken } from '../auth/jwt.ts';
import { PRINCIPAL_HEADER } from '../durable/client-gateway.ts';
import { gatewayName, gatewayStub, regionOf } from '../durable/stubs.ts';
import type { Env } from '../env.ts';

export const stream = new Hono<{ Bindings: Env }>();

/** A browser learns nothing from a refused upgrade but 1006: the socket is opened only to close it with the reason. */
function refuseSocket(refusal: Extract<Verdict, { ok: false }>): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(ERRORS[refusal.code].closeCode, refusal.message.slice(0, CLOSE_REASON_BYTES_MAX));
  return new Response(null, { status: 101, webSocket: client });
}

/** Hands the upgrade to the region's first gateway with room. */
async function upgrade(c: Context<{ Bindings: Env }>, request: Request): Promise<Response> {
  const region = regionOf(c.req.raw.cf as IncomingRequestCfProperties | undefined);
  for (let slot = 0; slot < GATEWAY_SLOTS_MAX; slot++) {
    const response = await gatewayStub(c.env, gatewayName(region, slot)).fetch(request);
    if (response.status !== ERRORS.gateway_full.httpStatus) return response;
  }
  throw new AppError('gateway_full', `all ${GATEWAY_SLOTS_MAX} gateways of ${region} are full`);
}

stream.get('/ticks', async (c) => {
  if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
    throw new AppError('upgrade_required', '/ws/ticks is a WebSocket endpoint');
  }
  const verdict = await verifyToken(tokenOf(c.req.raw), c.env);
  if (!verdict.ok) return refuseSocket(verdict);
  const request = new Request(c.req.raw);
  request.headers.set(PRINCIPAL_HEADER, encodeURIComponent(JSON.stringify(verdict.principal)));
  return upgrade(c, request);
});
