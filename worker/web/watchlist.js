// The page's main module: wires the session, the feed, the table and the forms to each other.
import { Feed } from './feed.js';
import { AGE_INTERVAL_MS, WATCHLIST_ROWS_MAX } from './limits.js';
import { navigateRows } from './row-navigation.js';
import { forgetToken, signIn, takeToken } from './session.js';
import { StatusLine } from './status-line.js';
import { WatchlistTable } from './table.js';
import { loadTokens, parseTokens, saveTokens } from './token-list.js';

/**
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {{ new (): Kind }} kind
 */
function elementOf(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`index.html has no ${kind.name} with id ${id}`);
  return element;
}

const addInput = elementOf('add-tokens', HTMLInputElement);
const addProblem = elementOf('add-problem', HTMLElement);
const email = elementOf('email', HTMLInputElement);
const password = elementOf('password', HTMLInputElement);
const signInButton = elementOf('sign-in-button', HTMLButtonElement);
const signInReason = elementOf('sign-in-reason', HTMLElement);

/** Instruments in the order of their rows. @type {Set<number>} */
const tokens = new Set(loadTokens());
const table = new WatchlistTable(elementOf('table', HTMLTableElement), serverNowMs);
const statusLine = new StatusLine(elementOf);

const socketUrl = new URL('/ws/ticks', location.href);
socketUrl.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
const feed = new Feed(socketUrl, {
  onState,
  onTick: (tick) => table.onTick(tick),
  onAccepted: (accepted) => {
    for (const token of accepted) table.accept(token);
  },
  onRefused: (token, message) => table.refuse(token, message),
  onError: (message) => complain(addProblem, message),
  onUpstream,
});

function serverNowMs() {
  return Date.now() + feed.clockOffsetMs;
}

/** @param {HTMLElement} element @param {string} message nothing for no complaint */
function complain(element, message) {
  element.textContent = message;
  element.hidden = message === '';
}

let isConnected = false;
/** @type {import('./feed.js').UpstreamState} */
let upstream = 'live';

/** Prices are live when they come, from the exchange to here: a good connection to a server that gets nothing is not it. */
function markLive() {
  const isLive = isConnected && (upstream === 'live' || upstream === 'quiet');
  table.mark(isLive);
  document.title = isLive ? 'Watchlist · Ticker Edge' : 'Not live · Ticker Edge';
}

/** @param {import('./feed.js').UpstreamState} state */
function onUpstream(state) {
  upstream = state;
  statusLine.onUpstream(state);
  markLive();
}

/** @param {import('./feed.js').FeedState} state */
function onState(state) {
  isConnected = state.kind === 'connected';
  if (!isConnected) table.hold();
  statusLine.onState(state, feed.ticksReceived);
  markLive();
  if (state.kind === 'closed') {
    forgetToken();
    complain(signInReason, state.reason);
  }
  const isSignedIn = state.kind !== 'closed';
  for (const id of ['add', 'account', 'watchlist', 'footer']) elementOf(id, HTMLElement).hidden = !isSignedIn;
  const signInCard = elementOf('sign-in', HTMLElement);
  const isNewlyShown = signInCard.hidden && !isSignedIn;
  signInCard.hidden = isSignedIn;
  if (isNewlyShown) email.focus();
}

function onListChange() {
  elementOf('count', HTMLElement).textContent = `${tokens.size} of ${WATCHLIST_ROWS_MAX} instruments`;
  elementOf('empty', HTMLElement).hidden = tokens.size > 0;
}

/** @param {number} token */
function removeToken(token) {
  tokens.delete(token);
  saveTokens(tokens);
  table.remove(token);
  feed.unsubscribe(token);
  onListChange();
}

elementOf('add', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const { tokens: typed, unreadable } = parseTokens(addInput.value);
  const added = typed.filter((token) => !tokens.has(token)).slice(0, WATCHLIST_ROWS_MAX - tokens.size);
  for (const token of added) {
    tokens.add(token);
    table.add(token);
  }
  saveTokens(tokens);
  feed.subscribe(added);
  onListChange();
  // What was not added stays in the field, to be mended.
  const left = [...typed.filter((token) => !tokens.has(token)), ...unreadable];
  addInput.value = left.join(', ');
  const problems = [];
  if (unreadable.length > 0) {
    problems.push(`Not an instrument token (a whole number from 1 to 4294967295): ${unreadable.join(', ')}`);
  }
  if (left.length > unreadable.length) problems.push(`A watchlist has at most ${WATCHLIST_ROWS_MAX} rows`);
  complain(addProblem, problems.join('. '));
});

elementOf('sign-in-form', HTMLFormElement).addEventListener('submit', async (event) => {
  event.preventDefault();
  signInButton.disabled = true;
  complain(signInReason, '');
  try {
    const token = await signIn(email.value, password.value);
    password.value = '';
    feed.start(token);
  } catch (error) {
    complain(signInReason, error instanceof Error ? error.message : String(error));
  } finally {
    signInButton.disabled = false;
  }
});

elementOf('sign-out', HTMLButtonElement).addEventListener('click', () => feed.stop('You have signed out.'));
elementOf('retry', HTMLButtonElement).addEventListener('click', () => feed.retryNow());

navigateRows(table.body, { remove: removeToken, focusElsewhere: () => addInput.focus() });

function start() {
  const token = takeToken();
  if (token) feed.start(token);
  else feed.stop('');
}

// A link with a token, opened in a tab that is here already.
addEventListener('hashchange', () => {
  if (new URLSearchParams(location.hash.slice(1)).has('token')) start();
});
// Somebody looks, or the network is back: both are worth an attempt before the wait is over.
addEventListener('online', () => feed.retryNow());
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  feed.retryNow();
  table.drawAges();
});
setInterval(() => {
  if (document.hidden) return;
  table.drawAges();
  statusLine.drawSecond(feed.ticksReceived);
}, AGE_INTERVAL_MS);

for (const token of tokens) table.add(token);
feed.subscribe(tokens);
onListChange();
start();
