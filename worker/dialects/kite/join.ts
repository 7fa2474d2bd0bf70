// A burst of Kite messages as few commands: programs name their instruments one by one, and Kite lets them.
import type { InstrumentToken } from '../../../shared/instrument.ts';
import type { ClientCommand, RejectedItem, SubscribeItem } from '../../core/protocol.ts';

/** What a burst leaves of one instrument: wanted so, or not any more. */
type Wish = SubscribeItem | 'given up';

/**
 * Commands that come to the same as these one after the other: what was refused, at most one unsubscribe, and at most one
 * subscribe. None of Kite's messages is answered, so that nobody can tell them from theirs.
 */
export function joinCommands(commands: readonly ClientCommand[]): ClientCommand[] {
  const wishes = new Map<InstrumentToken, Wish>();
  const rejected: RejectedItem[] = [];
  const others: ClientCommand[] = [];
  for (const command of commands) {
    if (command.kind === 'subscribe') {
      rejected.push(...command.rejected);
      for (const item of command.items) wishes.set(item.token, laterWish(wishes.get(item.token), item));
    } else if (command.kind === 'unsubscribe') {
      for (const token of command.tokens) wishes.set(token, 'given up');
    } else if (command.kind !== 'ignored') others.push(command);
  }
  const items = [...wishes.values()].filter((wish) => wish !== 'given up');
  const tokens = [...wishes].flatMap(([token, wish]) => (wish === 'given up' ? [token] : []));
  if (tokens.length > 0) others.push({ kind: 'unsubscribe', tokens, symbols: [], rejected: [] });
  if (items.length + rejected.length > 0) others.push({ kind: 'subscribe', items, symbols: [], rejected });
  return others;
}

/** The mode of one that is subscribed to stays; one that was given up begins anew. */
function laterWish(before: Wish | undefined, item: SubscribeItem): SubscribeItem {
  if (!item.keepsTerms || before === undefined) return item;
  if (before !== 'given up') return before;
  const { token, rank, speed } = item;
  return { token, rank, speed };
}
