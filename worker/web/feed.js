// The page's one socket: opens it, watches it, reopens it, and keeps the server's subscriptions equal to the wanted ones.
import {
  COMMAND_WINDOW_MS,
  HANDSHAKE_MS_MAX,
  PONG_MS_MAX,
  QUIET_MS_MAX,
  RECONNECT_MS_MAX,
  RECONNECT_MS_MIN,
  REFUSED_RETRY_MS,
  STABLE_MS,
  WATCH_INTERVAL_MS,
} from './limits.js';

/** RFC 6455 1008, by which the server says that it does not take the token: asking again would not help. */
const POLICY_VIOLATION = 1008;
/** Exactly this text is answered without waking the server's object. */
const PING = '{"action":"ping"}';
/** Refusals that may be over in a moment; all others stand until the next connection. */
const PASSING_CODES = new Set(['shard_unavailable']);

/**
 * `waiting` is between two attempts; `closed` is final until `start` is called again.
 *
 * @typedef {{ kind: 'connecting' }
 *   | { kind: 'connected', user: { user_id: string, email?: string, name?: string } }
 *   | { kind: 'waiting', reason: string, retryAtMs: number }
 *   | { kind: 'closed', reason: string }} FeedState
 *
 * @typedef {object} FeedListener
 * @property {(state: FeedState) => void} onState
 * @property {(tick: import('./columns.js').Tick) => void} onTick
 * @property {(tokens: number[]) => void} onAccepted
 * @property {(token: number, message: string) => void} onRefused
 * @property {(message: string) => void} onError an error that names no instrument
 * @property {(upstream: UpstreamState) => void} onUpstream what is behind the server has changed
 */

/**
 * How the exchange's data gets to the server: `quiet` has nothing to send and is in order, after `stale` and `down`
 * prices are old although this connection is well.
 *
 * @typedef {'live' | 'quiet' | 'stale' | 'down'} UpstreamState
 */

/**
 * Wait before the next attempt in ms: anywhere below a ceiling that doubles, so that the clients of one
 * failed server do not come back together.
 *
 * @param {number} attempt 0 for the first
 * @param {number} random in [0, 1)
 */
export function reconnectDelayMs(attempt, random) {
  return random * Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** attempt);
}

export class Feed {
  /** Server's clock minus ours, in ms, as of the last connection; late by the time that one message travels. */
  clockOffsetMs = 0;
  /** Ticks since the page was opened. */
  ticksReceived = 0;

  /** @type {FeedState} */
  #state = { kind: 'closed', reason: '' };
  /** @type {WebSocket | undefined} */
  #socket;
  #token = '';
  #attempt = 0;
  #openedAtMs = 0;
  #connectedAtMs = 0;
  #heardAtMs = 0;
  /** 0 while no question is open. */
  #pingedAtMs = 0;
  /** @type {Set<number>} */
  #wanted = new Set();
  /** What this connection's server has been told. @type {Set<number>} */
  #told = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #reconnectTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #syncTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #refusedTimer;
  /** @type {FeedListener} */
  #listener;
  /** @type {URL} */
  #url;

  /**
   * @param {URL} url of the socket, without a token
   * @param {FeedListener} listener
   */
  constructor(url, listener) {
    this.#url = url;
    this.#listener = listener;
    setInterval(() => this.#watch(), WATCH_INTERVAL_MS);
  }

  get state() {
    return this.#state;
  }

  /** Connects with the token, instead of whatever connection there is. @param {string} token */
  start(token) {
    this.#token = token;
    this.#attempt = 0;
    this.#open();
  }

  /** Closes for good. @param {string} reason shown to the user */
  stop(reason) {
    this.#abandon();
    this.#become({ kind: 'closed', reason });
  }

  /** Ends a wait; does nothing in any other state. */
  retryNow() {
    if (this.#state.kind === 'waiting') this.#open();
  }

  /** @param {Iterable<number>} tokens */
  subscribe(tokens) {
    for (const token of tokens) this.#wanted.add(token);
    this.#syncSoon();
  }

  /** @param {number} token */
  unsubscribe(token) {
    this.#wanted.delete(token);
    this.#syncSoon();
  }

  /** @param {FeedState} state */
  #become(state) {
    this.#state = state;
    this.#listener.onState(state);
  }

  /** A socket whose events no longer count, however late they come. */
  #abandon() {
    clearTimeout(this.#reconnectTimer);
    clearTimeout(this.#syncTimer);
    clearTimeout(this.#refusedTimer);
    this.#syncTimer = undefined;
    this.#refusedTimer = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #open() {
    this.#abandon();
    const url = new URL(this.#url);
    url.searchParams.set('token', this.#token);
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#openedAtMs = performance.now();
    this.#connectedAtMs = 0;
    this.#pingedAtMs = 0;
    this.#told.clear();
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#read(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (socket === this.#socket) this.#closed(code, reason);
    };
    this.#become({ kind: 'connecting' });
  }

  /** @param {number} code @param {string} reason */
  #closed(code, reason) {
    if (code === POLICY_VIOLATION) this.stop(reason || 'The server refused the sign-in');
    else this.#lose(reason ? `${reason} (${code})` : `Connection lost (${code})`);
  }

  /** @param {string} reason */
  #lose(reason) {
    this.#abandon();
    const isStable = this.#connectedAtMs > 0 && performance.now() - this.#connectedAtMs >= STABLE_MS;
    if (isStable) this.#attempt = 0;
    const delayMs = reconnectDelayMs(this.#attempt, Math.random());
    this.#attempt++;
    this.#reconnectTimer = setTimeout(() => this.#open(), delayMs);
    this.#become({ kind: 'waiting', reason, retryAtMs: Date.now() + delayMs });
  }

  /** A dead network closes no socket: silence has to be noticed here. */
  #watch() {
    if (!this.#socket) return;
    const nowMs = performance.now();
    if (this.#connectedAtMs === 0) {
      if (nowMs - this.#openedAtMs > HANDSHAKE_MS_MAX) this.#lose('The server does not answer');
    } else if (this.#pingedAtMs > 0) {
      if (nowMs - this.#pingedAtMs > PONG_MS_MAX) this.#lose('The connection went silent');
    } else if (nowMs - this.#heardAtMs > QUIET_MS_MAX) {
      this.#pingedAtMs = nowMs;
      this.#socket.send(PING);
    }
  }

  /** @param {unknown} text */
  #read(text) {
    this.#heardAtMs = performance.now();
    this.#pingedAtMs = 0;
    let message;
    try {
      message = JSON.parse(String(text));
    } catch {
      this.#lose('The server sent a message that is not JSON');
      return;
    }
    switch (message.type) {
      case 'tick':
        this.ticksReceived++;
        this.#listener.onTick(message.data);
        break;
      case 'connected':
        this.#connectedAtMs = this.#heardAtMs;
        this.clockOffsetMs = Date.parse(message.timestamp) - Date.now();
        this.#become({ kind: 'connected', user: message.user });
        this.#listener.onUpstream(message.feed?.state ?? 'live');
        this.#sync();
        break;
      case 'subscribed':
        this.#listener.onAccepted(message.tokens);
        for (const { token, code, message: why } of message.rejected ?? []) this.#refuse(token, code, why);
        break;
      case 'feed':
        this.#listener.onUpstream(message.state);
        break;
      case 'error':
        if (message.tokens)
          for (const token of message.tokens) this.#refuse(token, message.code, message.message);
        else this.#listener.onError(message.message);
        break;
      // 'pong' and 'unsubscribed' say nothing that is not known; later servers may send more types.
    }
  }

  /** @param {number} token @param {string} code @param {string} why */
  #refuse(token, code, why) {
    this.#listener.onRefused(token, why);
    if (!PASSING_CODES.has(code)) return;
    this.#told.delete(token);
    this.#refusedTimer ??= setTimeout(
      () => {
        this.#refusedTimer = undefined;
        this.#sync();
      },
      REFUSED_RETRY_MS * (1 + Math.random()),
    );
  }

  #syncSoon() {
    if (this.#connectedAtMs > 0) this.#syncTimer ??= setTimeout(() => this.#sync(), COMMAND_WINDOW_MS);
  }

  /** Tells the server the difference between what it was told and what is wanted now. */
  #sync() {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    const added = [...this.#wanted].filter((token) => !this.#told.has(token));
    const removed = [...this.#told].filter((token) => !this.#wanted.has(token));
    for (const token of added) this.#told.add(token);
    for (const token of removed) this.#told.delete(token);
    // Removals first: the server counts a client's subscriptions.
    if (removed.length > 0) this.#socket?.send(JSON.stringify({ action: 'unsubscribe', tokens: removed }));
    if (added.length > 0) this.#socket?.send(JSON.stringify({ action: 'subscribe', tokens: added }));
  }
}
