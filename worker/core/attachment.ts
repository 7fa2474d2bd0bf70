// What a hibernating socket remembers of itself: identity and subscriptions, small enough for the runtime's attachment.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { CLIENT_SUBSCRIPTIONS_MAX } from '../../shared/limits.ts';
import type { ModeRank } from '../../shared/tick.ts';
import type { Principal } from './protocol.ts';
import type { InterestItem } from './shard-book.ts';

/** Raised when the shape changes; an attachment of another version belongs to older code and ends its socket. */
export const ATTACHMENT_VERSION = 1;

export interface Attachment {
  readonly version: typeof ATTACHMENT_VERSION;
  readonly dialect: string;
  readonly connectionId: string;
  readonly principal: Principal;
  readonly connectedAtMs: number;
  readonly subscriptions: Uint8Array;
}

/**
 * Subscriptions as bytes: tokens ascending, each the LEB128 of (difference to the one before) * 4 + mode rank. 3,000
 * tokens of one day's list take 5 to 9 kB; the worst case of 5 bytes each stays under the attachment's limit.
 */
export function packSubscriptions(items: Iterable<InterestItem>): Uint8Array {
  const sorted = [...items].sort(([a], [b]) => a - b);
  const out: number[] = [];
  let previous = 0;
  for (const [token, rank] of sorted) {
    let value = (token - previous) * 4 + rank;
    previous = token;
    while (value > 0x7f) {
      out.push((value % 128) | 0x80);
      value = Math.floor(value / 128);
    }
    out.push(value);
  }
  return Uint8Array.from(out);
}

/** The items of `packSubscriptions`, or undefined when the bytes are not such a list. */
export function unpackSubscriptions(bytes: Uint8Array): InterestItem[] | undefined {
  const items: InterestItem[] = [];
  let token = 0;
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    // Five bytes hold the largest value; more would be zeros without end, and no number in the end.
    if (scale > 128 ** 4 || (byte === 0 && scale !== 1)) return undefined;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (value > 0xffff_ffff * 4 + 3) return undefined;
    if (byte & 0x80) continue;
    const rank = value % 4;
    const difference = Math.floor(value / 4);
    token += difference;
    if (rank === 0 || difference === 0 || token > 0xffff_ffff) return undefined;
    if (items.length >= CLIENT_SUBSCRIPTIONS_MAX) return undefined;
    items.push([token as InstrumentToken, rank as ModeRank]);
    value = 0;
    scale = 1;
  }
  return scale === 1 ? items : undefined;
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
  const names = ['userId', 'email', 'name', 'roles', 'permissions', 'expiresAtS'];
  const texts = [...names, userId, email ?? '', name ?? '', ...roles, ...permissions];
  const textBytes = texts.reduce((sum, text) => sum + TEXT_BYTES + 2 * text.length, 0);
  return textBytes + 3 * STRUCTURE_BYTES + NUMBER_BYTES;
}

function isPrincipal(value: Partial<Principal> | undefined): boolean {
  if (typeof value?.userId !== 'string' || typeof value.expiresAtS !== 'number') return false;
  return Array.isArray(value.roles) && Array.isArray(value.permissions);
}

/** The attachment, or undefined when it is not one that this code has written. */
export function readAttachment(value: unknown): Attachment | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const candidate = value as Partial<Attachment>;
  if (candidate.version !== ATTACHMENT_VERSION) return undefined;
  if (typeof candidate.dialect !== 'string' || typeof candidate.connectionId !== 'string') return undefined;
  if (typeof candidate.connectedAtMs !== 'number' || !isPrincipal(candidate.principal)) return undefined;
  if (!(candidate.subscriptions instanceof Uint8Array)) return undefined;
  return candidate as Attachment;
}
