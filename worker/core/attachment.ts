// What a hibernating socket remembers of itself: identity and subscriptions, small enough for the runtime's attachment.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { CLIENT_BARS_MAX, CLIENT_FILTERS_MAX, CLIENT_SUBSCRIPTIONS_MAX } from '../../shared/limits.ts';
import { BAR_INTERVALS } from './bar.ts';
import type { BarSubscription } from './bar-book.ts';
import type { PackedChain } from './chain-attachment.ts';
import type { RawFilter } from './filters.ts';
import { packTokens, unpackTokens } from './packed-tokens.ts';
import type { Principal } from './protocol.ts';
import { isFilteredTerms, rankOfTerms, TERMS_BITS, type Terms } from './terms.ts';
import type { Bearer } from './upgrade.ts';

/** Raised when the shape changes; an attachment of another version belongs to older code and ends its socket. */
export const ATTACHMENT_VERSION = 5;

/** One subscription as a socket remembers it; the filter is there when the terms say so. */
export type SubscriptionItem = readonly [token: InstrumentToken, terms: Terms, filter?: RawFilter];

export interface Attachment {
  readonly version: typeof ATTACHMENT_VERSION;
  readonly dialect: string;
  readonly connectionId: string;
  /** Absent until the client has authenticated. */
  readonly bearer?: Bearer;
  readonly address?: string;
  readonly connectedAtMs: number;
  /** The client has been told that this token ends. */
  readonly isWarned: boolean;
  /** When a planned goodbye is due. */
  readonly leaveAtMs?: number;
  readonly subscriptions: Uint8Array;
  readonly bars: Uint8Array;
  readonly chains: readonly PackedChain[];
}

/** Bits of a filter's least change of price: any raw price. */
const MIN_CHANGE_BITS = 32;

/**
 * Subscriptions as bytes: tokens ascending, each with its terms and, where those say so, its filter. 3,000 tokens of one
 * day's list take 7 kB, and 11 kB when they are as far apart as can be and as many as may be have a filter.
 */
export function packSubscriptions(items: Iterable<SubscriptionItem>): Uint8Array {
  const sorted = [...items].sort(([a], [b]) => a - b);
  return packTokens(
    sorted.map(([token]) => token),
    (writer, index) => {
      const [, terms, filter] = sorted[index] as SubscriptionItem;
      writer.write(terms, TERMS_BITS);
      if (!filter) return;
      writer.write(filter.onTrade ? 1 : 0, 1);
      writer.write(filter.minChange, MIN_CHANGE_BITS);
    },
  );
}

/** The items of `packSubscriptions`, or undefined when the bytes are not such a list. */
export function unpackSubscriptions(bytes: Uint8Array): SubscriptionItem[] | undefined {
  let filters = 0;
  return unpackTokens(bytes, CLIENT_SUBSCRIPTIONS_MAX, (reader, token): SubscriptionItem | undefined => {
    const terms = reader.read(TERMS_BITS);
    if (rankOfTerms(terms) < 1) return undefined;
    if (!isFilteredTerms(terms)) return [token, terms];
    const onTrade = reader.read(1) === 1;
    const minChange = reader.read(MIN_CHANGE_BITS);
    if ((!onTrade && minChange === 0) || ++filters > CLIENT_FILTERS_MAX) return undefined;
    return [token, terms, { minChange, onTrade }];
  });
}

/** Bars as bytes, like subscriptions: at most 710. */
export function packBars(items: Iterable<BarSubscription>): Uint8Array {
  const sorted = [...items].sort(([a], [b]) => a - b);
  return packTokens(
    sorted.map(([token]) => token),
    (writer, index) => writer.write((sorted[index] as BarSubscription)[1], BAR_INTERVALS.length),
  );
}

/** The items of `packBars`, or undefined when the bytes are not such a list. */
export function unpackBars(bytes: Uint8Array): BarSubscription[] | undefined {
  let count = 0;
  return unpackTokens(bytes, CLIENT_BARS_MAX, (reader, token): BarSubscription | undefined => {
    const intervals = reader.read(BAR_INTERVALS.length);
    for (const index of BAR_INTERVALS.keys()) count += (intervals >> index) & 1;
    return intervals === 0 || count > CLIENT_BARS_MAX ? undefined : [token, intervals];
  });
}

/** Most bytes of an array or object around its values, and of the tag, length and padding of a text. */
const STRUCTURE_BYTES = 12;
const TEXT_BYTES = 6;
const NUMBER_BYTES = 10;

/**
 * Bytes that the principal takes at most in an attachment: two for each UTF-16 unit of its texts, and the structure
 * around them. A token whose claims take more than PRINCIPAL_BYTES_MAX is to be refused before a socket has them.
 */
export function principalBytes({ userId, email, name, roles, permissions }: Principal): number {
  const names = ['userId', 'email', 'name', 'roles', 'permissions', 'expiresAtS', 'issuedAtS'];
  const texts = [...names, userId, email ?? '', name ?? '', ...roles, ...permissions];
  const textBytes = texts.reduce((sum, text) => sum + TEXT_BYTES + 2 * text.length, 0);
  return textBytes + 3 * STRUCTURE_BYTES + 2 * NUMBER_BYTES;
}

function isBearer(value: Partial<Bearer>): boolean {
  if (typeof value.userId !== 'string' || typeof value.expiresAtS !== 'number') return false;
  return (
    typeof value.issuedAtS === 'number' && Array.isArray(value.roles) && Array.isArray(value.permissions)
  );
}

/** The attachment, or undefined when it is not one that this code has written. */
export function readAttachment(value: unknown): Attachment | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const candidate = value as Partial<Attachment>;
  if (candidate.version !== ATTACHMENT_VERSION) return undefined;
  if (typeof candidate.dialect !== 'string' || typeof candidate.connectionId !== 'string') return undefined;
  if (typeof candidate.connectedAtMs !== 'number' || typeof candidate.isWarned !== 'boolean')
    return undefined;
  if (candidate.bearer !== undefined && !isBearer(candidate.bearer)) return undefined;
  if (!(candidate.subscriptions instanceof Uint8Array)) return undefined;
  if (!(candidate.bars instanceof Uint8Array) || !Array.isArray(candidate.chains)) return undefined;
  return candidate as Attachment;
}
