// What a client is made with, checked at the door.
import { AppError } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { TickFormat, TokenTransport } from './connection.ts';
import type { SocketConstructor } from './socket.ts';
import type { TokenOption } from './token-source.ts';

export interface TickerClientOptions {
  /** Address of the native protocol, as in `wss://ticker.example.com/ws/ticks`. */
  readonly url: string;
  /** A JWT, or a callback that gives one: asked before each connect and when the present one runs out. */
  readonly token: TokenOption;
  /** How the token travels; `subprotocol` keeps it out of addresses, and so out of logs. */
  readonly tokenTransport?: TokenTransport;
  /** How ticks travel, `binary` unless given: rows of some ten bytes where the server has them, else as with `json`. */
  readonly format?: TickFormat;
  /** Silence after which values count as stale; the connection is asked for a sign of life after half of it. */
  readonly staleAfterMs?: number;
  /** Stands in for the platform's own, as the `ws` package does before Node 22. */
  readonly WebSocket?: SocketConstructor;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
  /** For tests. */
  readonly clock?: Clock;
}

const STALE_AFTER_MS_MIN = 1_000;
const FORMATS: readonly TickFormat[] = ['binary', 'json'];
const TRANSPORTS: readonly TokenTransport[] = ['query', 'subprotocol', 'message'];

/** Throws AppError `invalid_parameter`; a token inside an address is not repeated. */
export function checkOptions({ url, tokenTransport, format, staleAfterMs }: TickerClientOptions): void {
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) {
    throw new AppError('invalid_parameter', 'url must be an address like wss://host/ws/ticks');
  }
  if (tokenTransport !== undefined && !TRANSPORTS.includes(tokenTransport)) {
    const names = TRANSPORTS.join(', ');
    throw new AppError('invalid_parameter', `tokenTransport must be one of ${names}, got ${tokenTransport}`);
  }
  if (format !== undefined && !FORMATS.includes(format)) {
    throw new AppError('invalid_parameter', `format must be one of ${FORMATS.join(', ')}, got ${format}`);
  }
  if (staleAfterMs !== undefined && !(staleAfterMs >= STALE_AFTER_MS_MIN && Number.isFinite(staleAfterMs))) {
    const text = `staleAfterMs must be a number from ${STALE_AFTER_MS_MIN}, got ${staleAfterMs}`;
    throw new AppError('invalid_parameter', text);
  }
}

/** Throws AppError where there is none. */
export function platformSocket(): SocketConstructor {
  const { WebSocket: Socket } = globalThis as { WebSocket?: SocketConstructor };
  if (!Socket) {
    throw new AppError('invalid_parameter', 'this platform has no WebSocket: pass one in the options');
  }
  return Socket;
}
