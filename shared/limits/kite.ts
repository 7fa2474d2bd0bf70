// Bounds of Kite and what comes from it.

/** Kite's rule: sockets per api_key. A fourth is refused with 429. */
export const KITE_CONNECTIONS_PER_ACCOUNT_MAX = 3;
/** Kite's rule: instruments per socket. One more is refused with a text error. */
export const KITE_INSTRUMENTS_PER_CONNECTION_MAX = 3_000;
/** Tokens per subscribe or mode message to Kite: what public clients use without being throttled. */
export const KITE_TOKENS_PER_MESSAGE_MAX = 500;
/** Largest Kite frame we read: 3,000 full packets are 558 kB; anything over 4 MiB is not Kite. */
export const KITE_FRAME_BYTES_MAX = 4 * 1024 * 1024;
/** Kite sends a heartbeat each second: five seconds without any frame mean a dead socket. */
export const KITE_SILENCE_MS_MAX = 5_000;
/** A black-holed TCP connect must not hold a socket slot for minutes. */
export const KITE_HANDSHAKE_MS_MAX = 8_000;
/** Full-jitter reconnect to Kite: first ceiling and highest ceiling. */
export const KITE_BACKOFF_MS_MIN = 500;
export const KITE_BACKOFF_MS_MAX = 30_000;
/** 429 at the upgrade means that somebody else holds the slots: asking sooner only prolongs it. */
export const KITE_THROTTLED_BACKOFF_MS_MIN = 15_000;
/** A socket has to live this long before its failures are forgotten. */
export const KITE_STABLE_MS = 20_000;
/**
 * A lost socket keeps its instruments for so long: its first retry comes within half a second and a handshake takes a
 * few round trips. After that they move, which leaves a second of the two in which all of them shall stream again.
 */
export const KITE_FAILOVER_GRACE_MS = 1_000;
/** Pause between the openings of one account's sockets while the first has no answer: a refusal spares the others. */
export const KITE_OPENING_STAGGER_MS = 250;
/** Accounts of one sidecar: three times what a team has, and their figures fit the status report. */
export const KITE_ACCOUNTS_MAX = 64;
/** Characters of an account's name. */
export const KITE_ACCOUNT_ID_CHARS_MAX = 64;
/**
 * Packets of a lower mode than the wanted one that are taken, in a row, for what Kite sends between a subscription and
 * its mode; after more of them the mode was not set, and they are the feed.
 */
export const KITE_LOWER_MODE_PACKETS_MAX = 3;
/** Kite's rules for REST calls of one api_key, per second (facts: quote 1, historical 3, everything else 10). */
export const KITE_QUOTE_REQUESTS_PER_S_MAX = 1;
export const KITE_HISTORICAL_REQUESTS_PER_S_MAX = 3;
export const KITE_OTHER_REQUESTS_PER_S_MAX = 10;
/** Kite's rules for order requests of one Zerodha account, those that it refuses included (staff, 2026). */
export const KITE_ORDER_REQUESTS_PER_S_MAX = 10;
export const KITE_ORDER_REQUESTS_PER_MINUTE_MAX = 400;
export const KITE_ORDER_REQUESTS_PER_DAY_MAX = 5_000;
/** Kite's rules for one order: modifications, and characters of its tag. One more of either is refused. */
export const KITE_MODIFICATIONS_PER_ORDER_MAX = 25;
export const KITE_TAG_CHARS_MAX = 20;
/** Requests catch up with each other on the way: what leaves us a second apart may arrive within one. */
export const KITE_RATE_SLACK_MS = 100;
/** REST calls of one account under way at once: the service before this one allowed as many, and Kite's CDN dislikes bursts. */
export const KITE_CALLS_AT_ONCE_MAX = 2;
/** REST calls of one account that wait for their turn: 25 s at the fastest pace, longer than anybody waits. */
export const KITE_CALLS_QUEUED_MAX = 256;
/** A REST call has so long, its wait included, unless the caller says otherwise. */
export const KITE_CALL_MS_MAX = 10_000;
/** After a 429 calls of its class rest: grows from the first to the second while Kite goes on refusing. */
export const KITE_COOLDOWN_MS_MIN = 1_000;
export const KITE_COOLDOWN_MS_MAX = 60_000;
/** Largest reply of a REST call: an order book of 5,000 orders has 8 MB. The instrument dump has its own bound. */
export const KITE_REPLY_BYTES_MAX = 16 * 1024 * 1024;
/** Kite's rules for one call: instruments of /quote, /quote/ohlc and /quote/ltp. */
export const KITE_QUOTE_INSTRUMENTS_MAX = 500;
export const KITE_OHLC_INSTRUMENTS_MAX = 1_000;
export const KITE_LTP_INSTRUMENTS_MAX = 1_000;
/** Exchange times further than this in the future are not of this session's clock. */
export const EXCHANGE_TIME_AHEAD_S_MAX = 24 * 3_600;
/**
 * How far ahead of our clock an exchange time may be and still outrank later ones. One stray time in the future would
 * otherwise silence its instrument until the clock gets there.
 */
export const EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX = 5;
/**
 * A lower volume than that of a tick which came so short a time before is of an older packet. After longer it may as
 * well be a new session's, or that of an exchange which has annulled trades.
 */
export const VOLUME_COMPARED_MS_MAX = 10_000;
