// Messages of Kite's clients as commands, forgiven the way Kite forgives them: what it does not know it ignores.
import { type InstrumentToken, parseInstrumentToken } from '../../../shared/instrument.ts';
import { CLIENT_MESSAGE_CHARS_MAX, CLIENT_SUBSCRIPTIONS_MAX } from '../../../shared/limits.ts';
import { type ModeRank, rankOfMode } from '../../../shared/tick.ts';
import type { ClientCommand, RejectedItem } from '../../core/protocol.ts';

const IGNORED: ClientCommand = { kind: 'ignored' };

/** Numbers only: a token as a text is ignored by Kite, and no client is told. Without repeats. */
function numbersIn(list: readonly unknown[]): number[] {
  return [...new Set(list.filter((value) => typeof value === 'number'))];
}

function subscribe(list: readonly unknown[], rank: ModeRank, keepsTerms: boolean): ClientCommand {
  // One more than there can be: its refusal stands for all that follow.
  const values = numbersIn(list).slice(0, CLIENT_SUBSCRIPTIONS_MAX + 1);
  if (values.length === 0) return IGNORED;
  const tokens: InstrumentToken[] = [];
  const rejected: RejectedItem[] = [];
  for (const value of values) {
    const token = parseInstrumentToken(value);
    if (token !== undefined) tokens.push(token);
    else {
      const message = 'no instrument has such a token';
      rejected.push({ field: 'token', item: value, code: 'invalid_instrument_token', message });
    }
  }
  const terms = { rank, speed: 'rt' as const, ...(keepsTerms ? { keepsTerms } : {}) };
  return { kind: 'subscribe', items: tokens.map((token) => ({ token, ...terms })), symbols: [], rejected };
}

function unsubscribe(list: readonly unknown[]): ClientCommand {
  const tokens = numbersIn(list).flatMap((value) => parseInstrumentToken(value) ?? []);
  return tokens.length === 0 ? IGNORED : { kind: 'unsubscribe', tokens, symbols: [], rejected: [] };
}

function changeMode([mode, list]: readonly unknown[]): ClientCommand {
  if ((mode !== 'ltp' && mode !== 'quote' && mode !== 'full') || !Array.isArray(list)) return IGNORED;
  return subscribe(list, rankOfMode(mode), false);
}

/** The command in one message. Never throws; what Kite would not read is `ignored`, what is too long for us is refused. */
export function parseCommand(message: string | ArrayBuffer): ClientCommand {
  if (typeof message !== 'string') return IGNORED;
  if (message.length > CLIENT_MESSAGE_CHARS_MAX) {
    const text = `A message of ${message.length} characters was not read, at most ${CLIENT_MESSAGE_CHARS_MAX} are`;
    return { kind: 'refused', code: 'message_too_big', message: text };
  }
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return IGNORED;
  }
  if (typeof value !== 'object' || value === null) return IGNORED;
  const { a: action, v: list } = value as { a?: unknown; v?: unknown };
  if (!Array.isArray(list)) return IGNORED;
  switch (action) {
    case 'subscribe':
      return subscribe(list, rankOfMode('quote'), true);
    case 'unsubscribe':
      return unsubscribe(list);
    case 'mode':
      return changeMode(list);
    default:
      return IGNORED;
  }
}
