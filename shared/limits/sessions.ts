// Bounds of client sessions: what one socket, user or address may have.

/** Wait before a token whose standing could not be learned is asked about again: grows from the first to the second. */
export const TOKEN_PROBE_BACKOFF_MS_MIN = 1_000;
export const TOKEN_PROBE_BACKOFF_MS_MAX = 60_000;
/** Bytes of ticks given to a socket before it has taken them; what comes then waits by instrument, newest value only. */
export const CLIENT_BACKLOG_BYTES_MAX = 65_536;
/** A client that takes nothing for so long while ticks wait for it is gone or hopeless. */
export const CLIENT_STALLED_MS_MAX = 10_000;
/** Bytes in a socket with replies, which are never dropped; more is memory that healthy clients need. */
export const CLIENT_BUFFERED_BYTES_MAX = 1_000_000;
/** Subscriptions of one client: as many as one Kite socket carries; they must fit the socket's attachment. */
export const CLIENT_SUBSCRIPTIONS_MAX = 3_000;
/** Subscriptions of one client that have a filter: each keeps what was last sent, here and in the socket's attachment. */
export const CLIENT_FILTERS_MAX = 200;
/** Bars that one client is subscribed to, by instrument and interval: with all else they must fit the attachment. */
export const CLIENT_BARS_MAX = 200;
/** Closed bars that wait for one client whose socket is full: five seconds of all that it can have, then the newest. */
export const CLIENT_BARS_HELD_MAX = 1_000;
/** Chains that one client is subscribed to: the expiries of a few indices that are traded together; see the attachment. */
export const CLIENT_CHAINS_MAX = 6;
/** Strikes on each side of the one at the money: without a word about it, and at most; a client's screen has no more. */
export const CHAIN_STRIKES_DEFAULT = 10;
export const CHAIN_STRIKES_MAX = 50;
/** Characters of an underlying's name: the longest of a real list has 18. */
export const CHAIN_UNDERLYING_CHARS_MAX = 32;
/** Tokens in one client message. */
export const CLIENT_TOKENS_PER_MESSAGE_MAX = 3_000;
/** Characters in one client message: ten thousand tokens, over three times what is taken, are still told so in words. */
export const CLIENT_MESSAGE_CHARS_MAX = 131_072;
/** Characters of a symbol with its exchange: the longest of a real list has 33. */
export const CLIENT_SYMBOL_CHARS_MAX = 64;
/** Characters of the id that a client gives a command: room for a UUID. */
export const CLIENT_COMMAND_ID_CHARS_MAX = 64;
/** A client that comes back within this time is sent what it has missed; its subscriptions are kept for so long. */
export const RESUME_AGE_MS_MAX = 60_000;
/** Records that a gateway keeps for that: 16 MB of the object's 128, 80,000 full ticks, 65,000 of options with Greeks. */
export const RESUME_RING_WORDS_MAX = 4 * 1024 * 1024;
/** Clients that one gateway keeps in mind after they have gone. */
export const RESUME_SESSIONS_MAX = 2_000;
/** Of one user, who may have a few devices but not the memory of everybody; and what all of them may have subscribed to. */
export const RESUME_SESSIONS_PER_USER_MAX = 3;
export const RESUME_SUBSCRIPTIONS_MAX = 200_000;
/** Bytes or characters of missed ticks that one client is sent; who has missed more gets current values. */
export const RESUME_BYTES_MAX = 500_000;
/** Commands of one socket that have no answer yet, those that wait their turn included; what comes then is refused. */
export const CLIENT_COMMANDS_QUEUED_MAX = 64;
/** Rejected items that one acknowledgement spells out. */
export const CLIENT_REJECTED_ITEMS_MAX = 3_000;
/** The runtime's cap on a hibernating socket's attachment is 16,384 bytes serialised; ours keeps clear of it. */
export const ATTACHMENT_BYTES_MAX = 15_800;
/** Claims of a token as serialised: what the attachment has left beside 3,000 tokens that are as far apart as can be. */
export const PRINCIPAL_BYTES_MAX = 3_300;
/** A JWT in a URL: the platform allows 16 kB of URL. */
export const JWT_CHARS_MAX = 8_192;
/** Signing keys of the user service: time to fetch them, pause between fetches for an unknown key, and life of a copy. */
export const JWKS_FETCH_MS_MAX = 5_000;
export const JWKS_COOLDOWN_MS = 10_000;
export const JWKS_CACHE_MS_MAX = 600_000;
/**
 * Tokens that an isolate takes for good without checking their signature again, and for how long. All devices of the
 * users of one gateway; with tokens of 1 kB they are 2 MB. A check of a signature is a tenth of an upgrade's cost.
 */
export const VERIFIED_TOKENS_MAX = 2_000;
export const VERIFIED_TOKEN_MS_MAX = 300_000;
/** Text of a close frame, a protocol limit (RFC 6455, 5.5). */
export const CLOSE_REASON_BYTES_MAX = 123;
/** Sockets of one user at one gateway: devices, tabs and bots of a person; more is a loop that never closes. */
export const CONNECTIONS_PER_USER_MAX = 20;
/** Sockets of one address (IPv6: of one /64) at one gateway: an office behind one line, not a flood from one machine. */
export const CONNECTIONS_PER_ADDRESS_MAX = 100;
/** A socket that was opened without a token has so long to authenticate: it holds a place that others need. */
export const AUTHENTICATE_MS_MAX = 10_000;
/** A client hears so long before its token ends that it should send another one. */
export const TOKEN_WARNING_MS = 60_000;
/** Client messages carried out per second and socket, and so many at once after silence; what comes faster waits, 3 s at most. */
export const MESSAGES_PER_SECOND_MAX = 20;
/** Messages of one socket that arrive per second (20 x the pace) before it is closed: no mistake sends so many. */
export const MESSAGES_ABUSIVE_PER_SECOND = 400;
/** The same where messages that wait are carried out together: each may name one instrument of all that there can be. */
export const MESSAGES_JOINED_ABUSIVE_PER_SECOND = 3_000;
/** Instruments that those messages name together, each time: a subscribe and a mode for each of all, and as much again. */
export const CLIENT_BURST_ITEMS_MAX = 12_000;
/** How long a Worker or gateway may go by what it last read of the revocations; a revoked token passes for so long at most. */
export const REVOCATION_CACHE_MS = 5_000;
/** Wait of an upgrade for the database; without an answer it goes by what was known before. */
export const REVOCATION_WAIT_MS_MAX = 1_000;
/** Revoked users in the memory of one Worker: 100 bytes each. The oldest go first, and that is logged as an error. */
export const REVOCATIONS_MAX = 100_000;
/** Body of a revocation: one user id. */
export const REVOKE_BODY_BYTES_MAX = 4_096;
/** Characters of a user id: what the claim `sub` may have. */
export const USER_ID_CHARS_MAX = 256;
/** Characters of an Origin header that a refusal repeats: a host name has 253 at most. */
export const ORIGIN_CHARS_MAX = 300;
/** Refused tokens that one error text names to a client of Kite's protocol; it counts the rest. */
export const KITE_ERROR_TOKENS_MAX = 20;
/** A client of Kite's protocol that was sent nothing for so long gets a heartbeat: after 5 s of silence it reconnects. */
export const KITE_HEARTBEAT_MS = 1_000;
/**
 * A socket that was opened with an API key lives for so long at most: then its client connects again, and a key that was
 * revoked meanwhile is refused. A day, as Kite's own tokens, so that a trading day has one such break at most.
 */
export const API_KEY_SESSION_MS_MAX = 24 * 3_600_000;
/** Characters of an unknown format that a refusal repeats. */
export const FORMAT_CHARS_MAX = 40;
/** Row ids of one binary connection: two bytes each at most, and five times what a client can subscribe to. */
export const WIRE_ROW_IDS_MAX = 16_384;
/** One row: a full record with every number at its longest has 3,071 bits, its Greeks 567 more. */
export const WIRE_ROW_BYTES_MAX = 456;
/** Binary frame that a client reads: 3,000 rows of the largest size. */
export const WIRE_FRAME_BYTES_MAX = 1_400_000;
