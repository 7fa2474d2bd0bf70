// The clients' door: WebSocket upgrades, with page and token checked before any object is woken.
import { type Context, Hono } from 'hono';
import { AppError, ERRORS, type ErrorCode } from '../../shared/errors.ts';
import { CLOSE_REASON_BYTES_MAX, GATEWAY_SLOTS_MAX, ORIGIN_CHARS_MAX } from '../../shared/limits.ts';
import { authenticate } from '../auth/authentication.ts';
import { subprotocolOf, tokenOf, wantsToAuthenticateLater } from '../auth/token-transport.ts';
import { GatewayChoice, parseGatewaySlots, regionOf } from '../core/gateway-choice.ts';
import { isOriginAllowed } from '../core/origin.ts';
import { type Upgrade, writeUpgrade } from '../core/upgrade.ts';
import { gatewayName, gatewayStub } from '../durable/stubs.ts';
import type { Env } from '../env.ts';

type StreamContext = Context<{ Bindings: Env }>;

export const stream = new Hono<{ Bindings: Env }>();

/** Of this isolate, by what GATEWAY_SLOTS says: it remembers which gateways were full. */
const choices = new Map<string | undefined, GatewayChoice>();

function choiceOf({ GATEWAY_SLOTS }: Env): GatewayChoice {
  const choice = choices.get(GATEWAY_SLOTS) ?? new GatewayChoice(parseGatewaySlots(GATEWAY_SLOTS));
  choices.set(GATEWAY_SLOTS, choice);
  return choice;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** A browser learns nothing from a refused upgrade but 1006: the socket is opened only to close it with the reason. */
function refuseSocket(refusal: Refusal, subprotocol: string | undefined): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(ERRORS[refusal.code].closeCode ?? 1008, refusal.message.slice(0, CLOSE_REASON_BYTES_MAX));
  // Without the subprotocol that it has offered a browser reports 1006 again.
  const headers: HeadersInit = subprotocol === undefined ? {} : { 'sec-websocket-protocol': subprotocol };
  return new Response(null, { status: 101, webSocket: client, headers });
}

function checkUpgrade(c: StreamContext): void {
  if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
    throw new AppError('upgrade_required', `${c.req.path} is a WebSocket endpoint`);
  }
  const origin = c.req.header('origin') ?? null;
  if (!isOriginAllowed(origin, new URL(c.req.url), c.env.ALLOWED_ORIGINS)) {
    throw new AppError(
      'forbidden',
      `origin ${JSON.stringify(origin?.slice(0, ORIGIN_CHARS_MAX))} is not allowed`,
    );
  }
}

/** The gateway's answer, or undefined when it does not give one: a sick gateway must not keep clients from the others. */
async function knock(env: Env, gateway: string, request: Request): Promise<Response | undefined> {
  try {
    return await gatewayStub(env, gateway).fetch(request);
  } catch (error) {
    console.error(`${gateway} did not answer an upgrade: ${error}`);
    return undefined;
  }
}

/** Hands the upgrade to the first gateway of the region that takes it, in the order that the user's id gives. */
async function upgrade(c: StreamContext, client: Omit<Upgrade, 'socketsMax'>): Promise<Response> {
  const region = regionOf(c.req.raw.cf as IncomingRequestCfProperties | undefined);
  const key = client.bearer?.userId ?? client.address ?? '';
  const choice = choiceOf(c.env);
  const request = new Request(c.req.raw);
  // It may hold the token, and has been read.
  request.headers.delete('sec-websocket-protocol');
  for (const candidate of choice.candidates(region, key, Date.now())) {
    writeUpgrade(request.headers, { ...client, socketsMax: candidate.socketsMax });
    const response = await knock(c.env, gatewayName(region, candidate.slot), request);
    if (!response || response.status === ERRORS.gateway_full.httpStatus)
      choice.noteFull(candidate, Date.now());
    else if (response.status === ERRORS.too_many_connections.httpStatus) {
      const refusal = { code: 'too_many_connections', message: await response.text() } as const;
      return refuseSocket(refusal, client.subprotocol);
    } else return response;
  }
  const message = `All ${GATEWAY_SLOTS_MAX} gateways of ${region} are full`;
  return refuseSocket({ code: 'gateway_full', message }, client.subprotocol);
}

stream.get('/ticks', async (c) => {
  checkUpgrade(c);
  const request = c.req.raw;
  const address = c.req.header('cf-connecting-ip');
  const subprotocol = subprotocolOf(request);
  const client = {
    ...(address === undefined ? {} : { address }),
    ...(subprotocol === undefined ? {} : { subprotocol }),
  };
  const token = tokenOf(request);
  if (!token && wantsToAuthenticateLater(request)) return upgrade(c, client);
  const verdict = await authenticate(token, c.env, c.executionCtx);
  if (!verdict.ok) return refuseSocket(verdict, subprotocol);
  return upgrade(c, { ...client, bearer: verdict.principal });
});
