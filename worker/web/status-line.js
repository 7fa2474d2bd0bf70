// The status line: what the connection is doing and why, who is on it, and how many ticks come in.

/** @typedef {<Kind extends HTMLElement>(id: string, kind: { new (): Kind }) => Kind} ElementOf */

/** The connection is well, what is behind it is not. */
const UPSTREAM_TEXTS = {
  stale: 'Not live: the exchange should be sending, and is not',
  down: 'Not live: the server has no connection to the exchange',
};

export class StatusLine {
  /** @type {import('./feed.js').FeedState} */
  #state = { kind: 'closed', reason: '' };
  /** Of the last second that was drawn. */
  #ticksBefore = 0;
  #drawnAtMs = 0;
  /** When the last tick was counted. */
  #tickAtMs = 0;
  #line;
  #stateText;
  #countdown;
  #retry;
  #rate;
  #user;

  /** @param {ElementOf} elementOf */
  constructor(elementOf) {
    this.#line = elementOf('status', HTMLElement);
    this.#stateText = elementOf('state', HTMLElement);
    this.#countdown = elementOf('countdown', HTMLElement);
    this.#retry = elementOf('retry', HTMLButtonElement);
    this.#rate = elementOf('rate', HTMLElement);
    this.#user = elementOf('user', HTMLElement);
  }

  /**
   * @param {import('./feed.js').FeedState} state
   * @param {number} ticksReceived
   */
  onState(state, ticksReceived) {
    // An attempt that follows a loss is part of the same trouble: the reason stays in view until it is over.
    const isRetry = state.kind === 'connecting' && this.#state.kind === 'waiting';
    if (!isRetry) this.#stateText.textContent = StatusLine.#textOf(state);
    this.#line.dataset.kind = state.kind;
    this.#retry.hidden = state.kind !== 'waiting';
    this.#state = state;
    if (state.kind === 'connected') {
      this.#user.textContent = state.user.email ?? state.user.name ?? state.user.user_id;
      this.#tickAtMs = performance.now();
    }
    this.#ticksBefore = ticksReceived;
    this.#drawnAtMs = performance.now();
    this.#rate.textContent = '';
    this.#drawCountdown();
  }

  /** @param {import('./feed.js').UpstreamState} upstream */
  onUpstream(upstream) {
    if (this.#state.kind !== 'connected') return;
    const isTrouble = upstream === 'stale' || upstream === 'down';
    this.#stateText.textContent = isTrouble ? UPSTREAM_TEXTS[upstream] : StatusLine.#textOf(this.#state);
    this.#line.dataset.kind = isTrouble ? 'waiting' : 'connected';
  }

  /** Called once a second. @param {number} ticksReceived */
  drawSecond(ticksReceived) {
    this.#drawCountdown();
    if (this.#state.kind !== 'connected') return;
    const nowMs = performance.now();
    const perSecond = Math.round(((ticksReceived - this.#ticksBefore) * 1_000) / (nowMs - this.#drawnAtMs));
    if (ticksReceived > this.#ticksBefore) this.#tickAtMs = nowMs;
    this.#ticksBefore = ticksReceived;
    this.#drawnAtMs = nowMs;
    const quietS = Math.round((nowMs - this.#tickAtMs) / 1_000);
    // A closed market is silent too: the line says what is seen, and leaves the verdict to the reader.
    this.#rate.textContent = quietS > 2 ? `no tick for ${quietS} s` : `${perSecond} ticks/s`;
  }

  #drawCountdown() {
    let text = '';
    if (this.#state.kind === 'waiting') {
      const waitS = Math.max(0, Math.ceil((this.#state.retryAtMs - Date.now()) / 1_000));
      text = `next attempt in ${waitS} s`;
    } else if (this.#state.kind === 'connecting') text = 'connecting…';
    this.#countdown.textContent = text;
  }

  /** @param {import('./feed.js').FeedState} state */
  static #textOf(state) {
    switch (state.kind) {
      case 'connecting':
        return 'Connecting';
      case 'connected':
        return 'Connected';
      case 'waiting':
        return `Not live: ${state.reason}. Reconnecting`;
      case 'closed':
        return 'Signed out';
    }
  }
}
