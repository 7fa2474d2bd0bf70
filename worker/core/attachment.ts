// What a hibernating socket remembers of itself: identity and subscriptions, small enough for the runtime's attachment.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { CLIENT_SUBSCRIPTIONS_MAX } from '../../shared/limits.ts';
import type { Principal } from './protocol.ts';
import { TERMS_BITS, type Terms } from './terms.ts';
import type { Bearer } from './upgrade.ts';

/** Raised when the shape changes; an attachment of another version belongs to older code and ends its socket. */
export const ATTACHMENT_VERSION = 2;

/** One subscription as a socket remembers it. */
export type SubscriptionItem = readonly [token: InstrumentToken, terms: Terms];

const TERMS_SCALE = 2 ** TERMS_BITS;

export interface Attachment {
  readonly version: typeof ATTACHMENT_VERSION;
  readonly dialect: string;
  readonly connectionId: string;
  /** Absent until the client has authenticated. */
  readonly bearer?: Bearer;
  readonly address?: string;
  readonly connectedAtMs: number;
  readonly subscriptions: Uint8Array;
}

/**
 * Subscriptions as bytes: tokens ascending, each the LEB128 of (difference to the one before) * 16 + terms. 3,000
 * tokens of one day's list take 6 to 9 kB. The worst case stays under the attachment's limit: differences add up to 32
 * bits, so that no more than 256 of them can need a fifth byte.
 */
export function packSubscriptions(items: Iterable<SubscriptionItem>): Uint8Array {
  const sorted = [...items].sort(([a], [b]) => a - b);
  const out: number[] = [];
  let previous = 0;
  for (const [token, terms] of sorted) {
    let value = (token - previous) * TERMS_SCALE + terms;
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
export function unpackSubscriptions(bytes: Uint8Array): SubscriptionItem[] | undefined {
  const items: SubscriptionItem[] = [];
  let token = 0;
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    // Six bytes hold the largest value; more would be zeros without end, and no number in the end.
    if (scale > 128 ** 5 || (byte === 0 && scale !== 1)) return undefined;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (value > 0xffff_ffff * TERMS_SCALE + TERMS_SCALE - 1) return undefined;
    if (byte & 0x80) continue;
    const terms = value % TERMS_SCALE;
    const difference = Math.floor(value / TERMS_SCALE);
    token += difference;
    if ((terms & 3) === 0 || difference === 0 || token > 0xffff_ffff) return undefined;
    if (items.length >= CLIENT_SUBSCRIPTIONS_MAX) return undefined;
    items.push([token as InstrumentToken, terms]);
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
  if (typeof candidate.connectedAtMs !== 'number') return undefined;
  if (candidate.bearer !== undefined && !isBearer(candidate.bearer)) return undefined;
  if (!(candidate.subscriptions instanceof Uint8Array)) return undefined;
  return candidate as Attachment;
}
