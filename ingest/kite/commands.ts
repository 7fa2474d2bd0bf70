// What is said to Kite's ticker: subscriptions and modes, in messages of a size that Kite takes without throttling.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { KITE_TOKENS_PER_MESSAGE_MAX } from '../../shared/limits.ts';
import type { TickMode } from '../../shared/tick.ts';
import type { ConnectionMoves } from '../core/placement.ts';

type TokenMode = readonly [token: InstrumentToken, mode: TickMode];

function* chunksOf<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += KITE_TOKENS_PER_MESSAGE_MAX) {
    yield items.slice(at, at + KITE_TOKENS_PER_MESSAGE_MAX);
  }
}

function* modeCommands(items: readonly TokenMode[]): Generator<string> {
  for (const mode of ['ltp', 'quote', 'full'] satisfies TickMode[]) {
    const tokens = items.filter((item) => item[1] === mode).map(([token]) => token);
    for (const chunk of chunksOf(tokens)) yield JSON.stringify({ a: 'mode', v: [mode, chunk] });
  }
}

/**
 * Text messages for the moves, in the order in which they must be sent: room is made before it is taken, and a mode is
 * set right after the subscription, because a subscription alone means quote. Tokens are numbers: Kite ignores strings.
 */
export function* commandsOf(moves: ConnectionMoves): Generator<string> {
  for (const chunk of chunksOf(moves.unsubscribe)) yield JSON.stringify({ a: 'unsubscribe', v: chunk });
  for (const chunk of chunksOf(moves.subscribe)) {
    yield JSON.stringify({ a: 'subscribe', v: chunk.map(([token]) => token) });
    yield* modeCommands(chunk);
  }
  yield* modeCommands(moves.changeMode);
}
