// The clients' door: WebSocket upgrades, with page and token checked before any object is woken.
import { AppError, ERRORS, type ErrorCode } from '../../shared/errors.ts';
import {
  CLOSE_REASON_BYTES_MAX,
  FORMAT_CHARS_MAX,
  GATEWAY_SLOTS_MAX,
  ORIGIN_CHARS_MAX,
} from '../../shared/limits.ts';
import { WIRE_SUBPROTOCOL } from '../../shared/wire/frame.ts';
import { authenticate, type Background } from '../auth/authentication.ts';
import { queryOf, subprotocolOf, tokenOf, wantsToAuthenticateLater } from '../auth/token-transport.ts';
import type { DialectName } from '../core/dialect-name.ts';
import { GatewayChoice, parseGatewaySlots, regionOf } from '../core/gateway-choice.ts';
import { isOriginAllowed } from '../core/origin.ts';
import { type Upgrade, upgradeHeaders } from '../core/upgrade.ts';
import { gatewayName, gatewayStub } from '../durable/stubs.ts';
import type { Env } from '../env.ts';

/** Of this isolate, by what GATEWAY_SLOTS says: it remembers which gateways were full. */
const choices = new Map<string | undefined, GatewayChoice>();

function choiceOf({ GATEWAY_SLOTS }: Env): GatewayChoice {
  const choice = choices.get(GATEWAY_SLOTS) ?? new GatewayChoice(parseGatewaySlots(GATEWAY_SLOTS));
  choices.set(GATEWAY_SLOTS, choice);
  return choice;
}

export interface Refusal {
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

/** Throws an AppError for what is no upgrade, or one of a page that may not. */
export function checkUpgrade(request: Request, env: Env): void {
  if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
    throw new AppError('upgrade_required', `${new URL(request.url).pathname} is a WebSocket endpoint`);
  }
  const origin = request.headers.get('origin');
  if (origin === null && !env.ALLOWED_ORIGINS) return;
  if (!isOriginAllowed(origin, new URL(request.url), env.ALLOWED_ORIGINS)) {
    throw new AppError(
      'forbidden',
      `origin ${JSON.stringify(origin?.slice(0, ORIGIN_CHARS_MAX))} is not allowed`,
    );
  }
}

/** The gateway's answer, or undefined when it does not give one: a sick gateway must not keep clients from the others. */
async function knock(env: Env, gateway: string, upgrade: Upgrade): Promise<Response | undefined> {
  try {
    // A request of our own: the runtime keeps it as long as the socket, and the client's may hold the token.
    return await gatewayStub(env, gateway).fetch('https://gateway/', { headers: upgradeHeaders(upgrade) });
  } catch (error) {
    console.error(`${gateway} did not answer an upgrade: ${error}`);
    return undefined;
  }
}

/** Hands the upgrade to the first gateway of the region that takes it, in the order that the user's id gives. */
export async function upgrade(
  request: Request,
  env: Env,
  client: Omit<Upgrade, 'socketsMax'>,
  refuse: (refusal: Refusal) => Response,
): Promise<Response> {
  const region = regionOf(request.cf as IncomingRequestCfProperties | undefined);
  const key = client.bearer?.userId ?? client.address ?? '';
  const choice = choiceOf(env);
  for (const candidate of choice.candidates(region, key, Date.now())) {
    const { slot, socketsMax } = candidate;
    const response = await knock(env, gatewayName(region, slot), { ...client, socketsMax });
    if (!response || response.status === ERRORS.gateway_full.httpStatus)
      choice.noteFull(candidate, Date.now());
    else if (response.status === ERRORS.too_many_connections.httpStatus) {
      return refuse({ code: 'too_many_connections', message: await response.text() });
    } else return response;
  }
  const message = `All ${GATEWAY_SLOTS_MAX} gateways of ${region} are full`;
  return refuse({ code: 'gateway_full', message });
}

const FORMATS = ['json', 'binary'];

/** The dialect that the subprotocol or, where it says nothing, the query asks for. Throws `invalid_parameter`. */
function nativeDialectOf(request: Request, subprotocol: string | undefined): DialectName {
  const query = queryOf(request);
  const format = query.get('format');
  if (format !== null && !FORMATS.includes(format)) {
    const got = JSON.stringify(format.slice(0, FORMAT_CHARS_MAX));
    throw new AppError('invalid_parameter', `format must be ${FORMATS.join(' or ')}, got ${got}`);
  }
  const isBinary = subprotocol === undefined ? format === 'binary' : subprotocol === WIRE_SUBPROTOCOL;
  if (isBinary) return 'native-binary';
  return query.get('batch') === '1' ? 'native-json-batched' : 'native-json';
}

/** `/ws/ticks`: the native protocol. Throws as `checkUpgrade` does. */
export async function streamTicks(request: Request, env: Env, ctx: Background): Promise<Response> {
  checkUpgrade(request, env);
  const address = request.headers.get('cf-connecting-ip');
  const subprotocol = subprotocolOf(request);
  const client = {
    dialect: nativeDialectOf(request, subprotocol),
    ...(address === null ? {} : { address }),
    ...(subprotocol === undefined ? {} : { subprotocol }),
  };
  const token = tokenOf(request);
  const refuse = (refusal: Refusal) => refuseSocket(refusal, subprotocol);
  if (!token && wantsToAuthenticateLater(request)) return upgrade(request, env, client, refuse);
  const verdict = await authenticate(token, env, ctx);
  if (!verdict.ok) return refuse(verdict);
  return upgrade(request, env, { ...client, bearer: verdict.principal }, refuse);
}
