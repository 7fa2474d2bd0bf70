// What the Worker tells a gateway with an upgrade: headers that only it sets, whatever a client has sent under their names.
import type { Principal } from './protocol.ts';

/** A principal, and when its token was issued: a revocation is for the tokens before it. */
export interface Bearer extends Principal {
  /** Seconds since the epoch; 0 when the token does not say. */
  readonly issuedAtS: number;
}

export interface Upgrade {
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

interface HeaderWriter {
  set(name: string, value: string): void;
  delete(name: string): void;
}

const HEADERS = {
  bearer: 'x-ticker-principal',
  subprotocol: 'x-ticker-subprotocol',
  address: 'x-ticker-address',
  socketsMax: 'x-ticker-sockets-max',
} as const satisfies Record<keyof Upgrade, string>;

/** Sets or removes each of the headers: one that a client has sent itself never gets through. */
export function writeUpgrade(headers: HeaderWriter, upgrade: Upgrade): void {
  const { bearer, subprotocol, address, socketsMax } = upgrade;
  const texts: Record<keyof Upgrade, string | undefined> = {
    // Names of people are not Latin-1, header values are.
    bearer: bearer && encodeURIComponent(JSON.stringify(bearer)),
    subprotocol,
    address,
    socketsMax: String(socketsMax),
  };
  for (const [field, name] of Object.entries(HEADERS)) {
    const text = texts[field as keyof Upgrade];
    if (text === undefined) headers.delete(name);
    else headers.set(name, text);
  }
}

/** The counterpart, for requests of our own Worker only: nothing in them is checked. */
export function readUpgrade(headers: HeaderReader): Upgrade {
  const bearer = headers.get(HEADERS.bearer);
  const subprotocol = headers.get(HEADERS.subprotocol);
  const address = headers.get(HEADERS.address);
  return {
    ...(bearer === null ? {} : { bearer: JSON.parse(decodeURIComponent(bearer)) as Bearer }),
    ...(subprotocol === null ? {} : { subprotocol }),
    ...(address === null ? {} : { address }),
    socketsMax: Number(headers.get(HEADERS.socketsMax)),
  };
}
