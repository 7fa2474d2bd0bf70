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
