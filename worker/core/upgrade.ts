// What the Worker tells a gateway with an upgrade: the headers of a request of its own, none of which a client has sent.
import type { DialectName } from './dialect-name.ts';
import type { Principal } from './protocol.ts';

/** A principal, and when its token was issued: a revocation is for the tokens before it. */
export interface Bearer extends Principal {
  /** Seconds since the epoch; 0 when the token does not say. */
  readonly issuedAtS: number;
}

export interface Upgrade {
  readonly dialect: DialectName;
  /** Absent: the client has yet to authenticate, by its first message. */
  readonly bearer?: Bearer;
  /** What the 101 has to select in Sec-WebSocket-Protocol, or a browser drops the socket. */
  readonly subprotocol?: string;
  /** Where the client is connected from. */
  readonly address?: string;
  /** Sockets from which on the gateway answers 503, unless the user is there already. */
  readonly socketsMax: number;
}

interface HeaderReader {
  get(name: string): string | null;
}

const HEADERS = {
  dialect: 'x-ticker-dialect',
  bearer: 'x-ticker-principal',
  subprotocol: 'x-ticker-subprotocol',
  address: 'x-ticker-address',
  socketsMax: 'x-ticker-sockets-max',
} as const satisfies Record<keyof Upgrade, string>;

/** Header values are ASCII, names of people are not. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The headers of the request for the upgrade. */
export function upgradeHeaders({
  dialect,
  bearer,
  subprotocol,
  address,
  socketsMax,
}: Upgrade): Record<string, string> {
  const headers: Record<string, string> = {
    upgrade: 'websocket',
    [HEADERS.dialect]: dialect,
    [HEADERS.socketsMax]: String(socketsMax),
  };
  if (bearer) headers[HEADERS.bearer] = asciiJson(bearer);
  if (subprotocol !== undefined) headers[HEADERS.subprotocol] = subprotocol;
  if (address !== undefined) headers[HEADERS.address] = address;
  return headers;
}

/** The counterpart, for requests of our own Worker only: nothing in them is checked. */
export function readUpgrade(headers: HeaderReader): Upgrade {
  const bearer = headers.get(HEADERS.bearer);
  const subprotocol = headers.get(HEADERS.subprotocol);
  const address = headers.get(HEADERS.address);
  return {
    dialect: headers.get(HEADERS.dialect) as DialectName,
    ...(bearer === null ? {} : { bearer: JSON.parse(bearer) as Bearer }),
    ...(subprotocol === null ? {} : { subprotocol }),
    ...(address === null ? {} : { address }),
    socketsMax: Number(headers.get(HEADERS.socketsMax)),
  };
}

/** Dialects whose ticks are text: those of the others are small by themselves, and deflating costs more than sending. */
const COMPRESSIBLE: readonly DialectName[] = ['native-json', 'native-json-batched'];

/**
 * An extension that nobody offers. Without one the runtime accepts the compression that a client offers, and it takes an
 * empty header for none (measured in workerd 1.20261117.1); clients see no header at all.
 */
const NO_EXTENSION = 'none';

/** The headers of the gateway's answer. */
export function upgradeAnswerHeaders({ dialect, subprotocol }: Upgrade): Record<string, string> {
  return {
    ...(subprotocol === undefined ? {} : { 'sec-websocket-protocol': subprotocol }),
    ...(COMPRESSIBLE.includes(dialect) ? {} : { 'sec-websocket-extensions': NO_EXTENSION }),
  };
}
