// What Kite's clients are told in words: `error` and `message` texts; of all else they know nothing.
import { assertNever } from '../../../shared/errors.ts';
import { CLIENT_SUBSCRIPTIONS_MAX, KITE_ERROR_TOKENS_MAX } from '../../../shared/limits.ts';
import type { FeedState } from '../../../shared/status.ts';
import type { FeedEvent, RejectedItem, ServerEvent } from '../../core/protocol.ts';

export type KiteText =
  | { readonly type: 'error'; readonly data: string }
  | { readonly type: 'message'; readonly data: string };

/** Kite's own, to the letter. */
const LIMIT_TEXT = `Can't subscribe to more than ${CLIENT_SUBSCRIPTIONS_MAX} instruments.`;

function error(data: string): KiteText {
  return { type: 'error', data };
}

function notice(data: string): KiteText {
  return { type: 'message', data };
}

/** One sentence for each reason, with the first tokens that it is about. */
function rejectedText(rejected: readonly RejectedItem[]): string {
  const itemsByReason = new Map<string, unknown[]>();
  let isOverLimit = false;
  for (const { code, item, message } of rejected) {
    if (code === 'subscription_limit') isOverLimit = true;
    else itemsByReason.set(message, [...(itemsByReason.get(message) ?? []), item]);
  }
  const sentences = [...itemsByReason].map(([reason, items]) => {
    const more = items.length - KITE_ERROR_TOKENS_MAX;
    const list = items.slice(0, KITE_ERROR_TOKENS_MAX).join(', ');
    return `Not subscribed, ${reason}: ${list}${more > 0 ? ` and ${more} more` : ''}.`;
  });
  return [...(isOverLimit ? [LIMIT_TEXT] : []), ...sentences].join(' ');
}

function isWell(state: FeedState): boolean {
  return state === 'live' || state === 'quiet';
}

function feedText({ state, reason }: FeedEvent): KiteText {
  if (isWell(state)) return notice(`The market data feed is ${state}.`);
  return error(`The market data feed is ${state} (${reason}): prices may be old.`);
}

/** The feed has become another one for a client that has heard of `before`; undefined when it has not. */
function feedChangeText(feed: FeedEvent, before: FeedState | undefined): KiteText | undefined {
  const isNews = before !== feed.state && !(before !== undefined && isWell(before) && isWell(feed.state));
  return isNews ? feedText(feed) : undefined;
}

/** The text for an event, or undefined where Kite says nothing. */
export function textOf(event: Exclude<ServerEvent, { kind: 'order_update' }>): KiteText | undefined {
  switch (event.kind) {
    case 'connected':
      return event.feed && !isWell(event.feed.state) ? feedText(event.feed) : undefined;
    case 'feed':
      return feedChangeText(event.feed, event.stateBefore);
    case 'subscribed':
      return event.rejected.length > 0 ? error(rejectedText(event.rejected)) : undefined;
    case 'error':
      return error(event.detail === undefined ? event.message : `${event.message}: ${event.detail}`);
    case 'goaway': {
      const seconds = Math.ceil(event.reconnectInMs / 1000);
      return notice(`This connection will be closed in ${seconds} s: connect again then.`);
    }
    case 'token_expiring': {
      const seconds = Math.round(event.inMs / 1000);
      return notice(`The access token ends in ${seconds} s, and this connection with it.`);
    }
    case 'authenticated':
    case 'unsubscribed':
    case 'subscribed_bars':
    case 'subscribed_orders':
    case 'unsubscribed_bars':
    case 'subscribed_chain':
    case 'unsubscribed_chain':
    case 'chain_members':
    case 'chain':
    case 'subscriptions':
    case 'pong':
    case 'lag':
      return undefined;
    default:
      return assertNever(event);
  }
}
