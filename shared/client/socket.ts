// The part of the WebSocket standard that the SDK uses: browsers' and Node's own fit, and so does a test's fake.

/** `readyState` of a socket that takes messages. */
export const SOCKET_OPEN = 1;

export interface SocketCloseEvent {
  readonly code: number;
  readonly reason: string;
}

export interface SocketLike {
  readonly readyState: number;
  /** Set to `arraybuffer`: binary frames come as ArrayBuffer. */
  binaryType: string;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: SocketCloseEvent) => void): void;
}

export type SocketConstructor = new (url: string, protocols?: string[]) => SocketLike;
