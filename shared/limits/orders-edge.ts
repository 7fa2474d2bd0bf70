// Bounds of orders at the edge: requests, what is kept of refused ones, and updates on their way to clients.
import { KITE_ORDER_REQUESTS_PER_MINUTE_MAX } from './kite.ts';

/** Body of an order request: all fields at their longest have a kilobyte. */
export const ORDER_BODY_BYTES_MAX = 8_192;
/** Characters of an Idempotency-Key: room for two UUIDs and a prefix. */
export const IDEMPOTENCY_KEY_CHARS_MAX = 128;
/** Units of one order: more than any share trades in a day, and safe in every sum. */
export const ORDER_QUANTITY_MAX = 1_000_000_000;
/** Rupees: Kite's feed has prices as 32 bits of paise, and nothing above that is traded. */
export const ORDER_PRICE_RUPEES_MAX = 42_949_672;
/** Minutes that an order may stay: a day, which no session is as long as. */
export const ORDER_VALIDITY_TTL_MINUTES_MAX = 1_440;
/** Open tasks over which no order is placed: limit orders that rest all day; of an account, two fifths of its day. */
export const ORDER_REQUESTER_OPEN_MAX = 500;
export const ORDER_ACCOUNT_OPEN_MAX = 2_000;
/** Requests per minute: of an account as many as Kite takes, of a requester half of that: nobody shuts others out. */
export const ORDER_REQUESTER_PER_MINUTE_MAX = 200;
export const ORDER_ACCOUNT_PER_MINUTE_MAX = KITE_ORDER_REQUESTS_PER_MINUTE_MAX;
/** Refusals that are recorded per requester and minute: a loop of bad requests must not fill the database. */
export const ORDER_AUDIT_PER_MINUTE_MAX = 60;
/** Bytes of a refusal's text in the record; the table's own rule. */
export const ORDER_AUDIT_MESSAGE_BYTES_MAX = 1_024;
/** Tasks of one page, unless given and at most: a task has a kilobyte. */
export const ORDER_TASKS_PAGE_ROWS_DEFAULT = 50;
export const ORDER_TASKS_PAGE_ROWS_MAX = 500;
/** Halts at once: every account and every user that a team has, and no way to fill the database. */
export const ORDER_HALTS_MAX = 1_000;
/** Characters of the reason that a halt may name. */
export const ORDER_HALT_REASON_CHARS_MAX = 200;
/** Body of a halt or a resume: the longest user id, and the reason. */
export const ORDER_HALT_BODY_BYTES_MAX = 4_096;
/** A postback of Kite: an order, which has two kilobytes. */
export const POSTBACK_BYTES_MAX = 16_384;
/** Postbacks that wait for the sidecar: anybody can send them, and other requests need the control link, too. */
export const POSTBACKS_AT_ONCE_MAX = 8;
/** Order events that are read from the database at once: 200 kB. */
export const ORDER_EVENTS_PAGE_ROWS = 100;
/** Order events that a client which comes back is sent: a busy account's hour; who has missed more reads the order book. */
export const ORDER_EVENTS_MISSED_MAX = 1_000;
/** Pause between two looks at a client's full socket while it is sent what it has missed. */
export const ORDER_EVENTS_PAUSE_MS = 50;
