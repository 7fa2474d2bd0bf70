// Items of a request that cannot be had, in the words that clients are told.
import type { ErrorCode } from '../../shared/errors.ts';
import type { RejectedItem } from './protocol.ts';

export const REJECTION_TEXTS = {
  unknown_instrument: 'no such instrument today',
  shard_unavailable: 'the object that keeps this instrument does not answer, try again',
  symbols_unavailable: 'symbols cannot be looked up now, try again, or use the token',
} as const satisfies Partial<Record<ErrorCode, string>>;

export function rejection(
  field: RejectedItem['field'],
  item: unknown,
  code: keyof typeof REJECTION_TEXTS,
): RejectedItem {
  return { field, item, code, message: REJECTION_TEXTS[code] };
}

/**
 * Rejections of tokens as the request named them: one that it gave as a symbol is rejected as that symbol, one that it
 * gave in both ways in both, so that nothing in a request is left without an answer.
 */
export function asNamed(
  rejected: readonly RejectedItem[],
  tokens: ReadonlySet<unknown>,
  symbolOf: ReadonlyMap<unknown, string>,
): RejectedItem[] {
  return rejected.flatMap((item) => {
    const symbol = symbolOf.get(item.item);
    if (symbol === undefined) return [item];
    const bySymbol: RejectedItem = { ...item, field: 'symbol', item: symbol };
    return tokens.has(item.item) ? [item, bySymbol] : [bySymbol];
  });
}
