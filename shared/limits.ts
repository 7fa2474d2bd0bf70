// Every bound in the system, each with its unit in the name and the reason for the number.

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
/** Exchange times further than this in the future are not of this session's clock. */
export const EXCHANGE_TIME_AHEAD_S_MAX = 24 * 3_600;

/** Instruments that one sidecar keeps last values for in its life: more than a day's list has. The table grows on demand. */
export const SIDECAR_INSTRUMENTS_MAX = 131_072;
/** Instruments in a dump: 115,000 in November 2025; more than double of it is not a dump. */
export const INSTRUMENT_DUMP_ROWS_MAX = 400_000;
export const INSTRUMENT_DUMP_BYTES_MAX = 64 * 1024 * 1024;

/** Largest signed post: 1,000 full ticks are 200 kB, definitions come on top. */
export const BATCH_BYTES_MAX = 512 * 1024;
/** Ticks per batch (TICK_BATCH_MAX_SIZE is clamped to it). */
export const BATCH_TICKS_MAX = 2_000;
/** Definitions per batch: at most 300 bytes each, so that they fit beside a full batch of ticks. */
export const BATCH_DEFINITIONS_MAX = 500;
/** Known-token list of one shard: 400,000 instruments over 8 shards, 4 bytes each at most, fits one batch. */
export const BATCH_KNOWN_TOKENS_MAX = 100_000;
/** A post may be this far from the edge's clock. */
export const INGEST_CLOCK_SKEW_MS_MAX = 30_000;
/** A post without a reply is given up after this. */
export const INGEST_POST_MS_MAX = 5_000;
/** The same bytes are sent again at most this often; after that newer values replace them. */
export const INGEST_POST_RETRIES_MAX = 2;
/** Wait between failed posts: grows from the first to the second. */
export const INGEST_BACKOFF_MS_MIN = 50;
export const INGEST_BACKOFF_MS_MAX = 1_000;
/** An idle shard hears from the sidecar this often: quiet must be told from dead. */
export const INGEST_HEARTBEAT_MS = 1_000;
/** A demanded instrument stays at Kite this long after the last client left it. */
export const DEMAND_LINGER_MS = 60_000;
/** Time for the sidecar to hear that nobody wants it, and to act. */
export const UNWANTED_SLACK_MS = 2_000;
/** Sidecar's status report to the edge, and its size. */
export const STATUS_INTERVAL_MS = 1_000;
export const STATUS_BYTES_MAX = 64 * 1024;
/** A report older than this is a sidecar that is down. */
export const STATUS_AGE_MS_MAX = 5_000;

/** Instruments that one shard keeps: an eighth of a day's list, with room for imbalance. */
export const SHARD_INSTRUMENTS_MAX = 16_384;
/** Gateways that one shard pushes to: ten regions with eight slots each, rounded up. */
export const SHARD_GATEWAYS_MAX = 128;
/** Distinct instruments that one gateway meets in its life: more than a day's list has. */
export const GATEWAY_INSTRUMENTS_MAX = 131_072;

/** Sockets per gateway: one object is one thread, and a send costs 14-24 us (see the design, D1). */
export const GATEWAY_SOCKETS_SOFT_MAX = 1_000;
export const GATEWAY_SOCKETS_MAX = 2_000;
/** Spill slots per region: a gateway refuses over its cap, the next slot takes over. */
export const GATEWAY_SLOTS_MAX = 8;
/** A gateway with clients proves its interest to each of its shards this often, and a shard forgets one that does not. */
export const INTEREST_LEASE_MS = 30_000;
export const INTEREST_LEASES_MISSED_MAX = 4;
/** Changes of a gateway's interest that a shard stores beyond twice what it wants, before it writes all of it anew. */
export const INTEREST_LOG_ITEMS_SPARE = 256;
/** Time over which a planned drain spreads its clients' departures, by default and at most, and how long none come in. */
export const DRAIN_MS_DEFAULT = 30_000;
export const DRAIN_MS_MAX = 600_000;
export const DRAIN_CLOSED_AFTER_MS = 60_000;
/** A push that fails is tried again so often within one batch, after this wait; then the next batch tries. */
export const SHARD_PUSH_RETRIES_MAX = 2;
export const SHARD_PUSH_RETRY_MS = 100;
/** Pushes kept while a gateway waits for a shard's current values; more of them make it ask once more. */
export const GATEWAY_PUSHES_HELD_MAX = 16;
/** A shard that does not answer is asked so often in a row; then the next push or command asks again. */
export const RESYNC_ATTEMPTS_MAX = 5;
/** Wait before a gateway asks a shard again that did not answer: grows from the first to the second. */
export const RESYNC_BACKOFF_MS_MIN = 100;
export const RESYNC_BACKOFF_MS_MAX = 5_000;
/** Connections that /ws/stats spells out; its totals count all. */
export const STATS_CONNECTIONS_MAX = 2_000;
/** Gap between two flushes of one gateway: pushes of all shards inside it become one. */
export const GATEWAY_FLUSH_WINDOW_MS = 20;
/** Bytes of ticks given to a socket before it has taken them; what comes then waits by instrument, newest value only. */
export const CLIENT_BACKLOG_BYTES_MAX = 65_536;
/** A client that takes nothing for so long while ticks wait for it is gone or hopeless. */
export const CLIENT_STALLED_MS_MAX = 10_000;
/** Bytes in a socket with replies, which are never dropped; more is memory that healthy clients need. */
export const CLIENT_BUFFERED_BYTES_MAX = 1_000_000;
/** Pause before full sockets are looked at again: from the first, doubled while nothing moves, to the second. */
export const DRAIN_PAUSE_MS_MIN = 1;
export const DRAIN_PAUSE_MS_MAX = 50;
/** Subscriptions of one client: as many as one Kite socket carries; they must fit the socket's attachment. */
export const CLIENT_SUBSCRIPTIONS_MAX = 3_000;
/** Subscriptions of one client that have a filter: each keeps what was last sent, here and in the socket's attachment. */
export const CLIENT_FILTERS_MAX = 200;
/** Bars that one client is subscribed to, by instrument and interval: with all else they must fit the attachment. */
export const CLIENT_BARS_MAX = 200;
/** Closed bars that wait for one client whose socket is full: five seconds of all that it can have, then the newest. */
export const CLIENT_BARS_HELD_MAX = 1_000;
/** Closed bars that wait for a gateway that does not answer: the minute of as many instruments, then the newest. */
export const SHARD_BARS_HELD_MAX = 4_096;
/** A bar is closed so long after its end: ticks that a full batch had no room for come with the next one. */
export const BAR_GRACE_MS = 200;
/** Pause between batches after which bars were not seen whole: heartbeats come each second, a slow post takes so long. */
export const BAR_GAP_MS_MAX = 5_000;
/** Shortest time between two updates of an open bar: two in a second's bar, four a second in a minute's. */
export const BAR_LIVE_1S_MS = 500;
export const BAR_LIVE_1M_MS = 250;
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
/** Records that a gateway keeps for that: 16 MB of the object's 128, 80,000 full ticks. */
export const RESUME_RING_WORDS_MAX = 4 * 1024 * 1024;
/** Clients that one gateway keeps in mind after they have gone. */
export const RESUME_SESSIONS_MAX = 2_000;
/** Of one user, who may have a few devices but not the memory of everybody; and what all of them may have subscribed to. */
export const RESUME_SESSIONS_PER_USER_MAX = 3;
export const RESUME_SUBSCRIPTIONS_MAX = 200_000;
/** A gateway waits this long for the feed's state when its first client comes. */
export const FEED_LEARN_MS_MAX = 1_000;
/** Characters of missed ticks that one client is sent; who has missed more gets current values. */
export const RESUME_CHARS_MAX = 500_000;
/** Symbols whose tokens a gateway remembers, and for how long: a list changes once a day, in the early morning. */
export const SYMBOLS_REMEMBERED_MAX = 20_000;
export const SYMBOLS_REMEMBERED_MS = 600_000;
/** Commands of one socket that may wait for a shard's answer; more is abuse. */
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
/** Answer of the database that /health waits for. */
export const HEALTH_DATABASE_MS_MAX = 2_000;
/** Rows that one statement writes of the instrument list: 250 kB of JSON, written in about 3 ms. */
export const INSTRUMENT_STORE_ROWS_PER_STATEMENT = 1_000;
/** Rows of one page of an instrument search. */
export const INSTRUMENTS_PAGE_ROWS_MAX = 100;
/** Text of a close frame, a protocol limit (RFC 6455, 5.5). */
export const CLOSE_REASON_BYTES_MAX = 123;

/** Reply to a batch: a demand of 16,384 items of at most 22 characters each, with room to spare. */
export const BATCH_REPLY_BYTES_MAX = 1024 * 1024;
/** One row of the instrument dump: real ones have about 90 bytes; a row that never ends must not fill memory. */
export const INSTRUMENT_ROW_BYTES_MAX = 4_096;
/** Characters of one text field of the dump: keeps a definition within its share of a batch. */
export const INSTRUMENT_FIELD_CHARS_MAX = 96;
/** The dump is 9 MB uncompressed: a minute is a slow line, more is a dead one. */
export const INSTRUMENT_DUMP_MS_MAX = 60_000;
/** Wait between failed loads of the dump: first and highest ceiling. */
export const INSTRUMENT_LOAD_BACKOFF_MS_MIN = 1_000;
export const INSTRUMENT_LOAD_BACKOFF_MS_MAX = 60_000;
/** Characters of somebody else's text that one log line quotes. */
export const LOG_QUOTE_CHARS_MAX = 200;
/**
 * How far ahead of our clock an exchange time may be and still outrank later ones. One stray time in the future would
 * otherwise silence its instrument until the clock gets there.
 */
export const EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX = 5;

/** Kite's rules for REST calls of one api_key, per second (facts: quote 1, historical 3, everything else 10). */
export const KITE_QUOTE_REQUESTS_PER_S_MAX = 1;
export const KITE_HISTORICAL_REQUESTS_PER_S_MAX = 3;
export const KITE_OTHER_REQUESTS_PER_S_MAX = 10;
/** Kite's rules for one call: instruments of /quote, /quote/ohlc and /quote/ltp. */
export const KITE_QUOTE_INSTRUMENTS_MAX = 500;
export const KITE_OHLC_INSTRUMENTS_MAX = 1_000;
export const KITE_LTP_INSTRUMENTS_MAX = 1_000;
/** The simulator's market makes up for at most this many late steps (2 s): after a sleep it goes on from now. */
export const SIMULATOR_CATCH_UP_STEPS_MAX = 40;
/** Largest text message that the simulator reads: 3,000 ten-digit tokens are 33 kB, ten times that is abuse. */
export const SIMULATOR_CLIENT_MESSAGE_BYTES_MAX = 512 * 1024;
/** Unsent bytes of one simulator socket above which its ticks are dropped: Kite's feed is conflated, the next tick is newer. */
export const SIMULATOR_SOCKET_BUFFER_BYTES_MAX = 8 * 1024 * 1024;
/** Headers of a simulator request: 1,000 instruments of /quote/ltp make a URL of some 40 kB. */
export const SIMULATOR_REQUEST_HEADER_BYTES_MAX = 128 * 1024;
/** Body of a simulator request: forms of a few fields. */
export const SIMULATOR_REQUEST_BODY_BYTES_MAX = 64 * 1024;
/** Request tokens of one account that wait for their exchange; the oldest goes first. */
export const SIMULATOR_REQUEST_TOKENS_MAX = 16;
/** A request token lives for a few minutes at Kite. */
export const SIMULATOR_REQUEST_TOKEN_MS_MAX = 5 * 60_000;

/** Sockets of one user at one gateway: devices, tabs and bots of a person; more is a loop that never closes. */
export const CONNECTIONS_PER_USER_MAX = 20;
/** Sockets of one address (IPv6: of one /64) at one gateway: an office behind one line, not a flood from one machine. */
export const CONNECTIONS_PER_ADDRESS_MAX = 100;
/** A socket that was opened without a token has so long to authenticate: it holds a place that others need. */
export const AUTHENTICATE_MS_MAX = 10_000;
/** A client hears so long before its token ends that it should send another one. */
export const TOKEN_WARNING_MS = 60_000;
/** Client messages carried out per second and socket, and so many at once after silence; what comes faster waits. */
export const MESSAGES_PER_SECOND_MAX = 20;
/** Messages of one socket that arrive per second (20 x the pace) before it is closed: no mistake sends so many. */
export const MESSAGES_ABUSIVE_PER_SECOND = 400;
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
/** A gateway that was full is not asked again for so long: a storm of reconnects must not beat on it. */
export const GATEWAY_FULL_MS = 1_000;
/** Characters of an Origin header that a refusal repeats: a host name has 253 at most. */
export const ORIGIN_CHARS_MAX = 300;

/** Row ids of one binary connection: two bytes each at most, and five times what a client can subscribe to. */
export const WIRE_ROW_IDS_MAX = 16_384;
/** One row: a full record with every number at its longest has 3,071 bits. */
export const WIRE_ROW_BYTES_MAX = 384;
/** Binary frame that a client reads: 3,000 rows of the largest size. */
export const WIRE_FRAME_BYTES_MAX = 1_200_000;

/** SDK: full-jitter reconnect, first and highest ceiling; a connection that lived so long wipes out earlier failures. */
export const CLIENT_SDK_BACKOFF_MS_MIN = 500;
export const CLIENT_SDK_BACKOFF_MS_MAX = 30_000;
export const CLIENT_SDK_STABLE_MS = 20_000;
/** SDK: longest wait that a server's `retry_after_ms` or `reconnect_in_ms` can impose. */
export const CLIENT_SDK_RETRY_AFTER_MS_MAX = 300_000;
/** SDK: from opening a socket to `connected`; a black-holed connect would take minutes to fail. */
export const CLIENT_SDK_HANDSHAKE_MS_MAX = 10_000;
/** SDK: the application's token callback; a user may have to answer nothing here, it only fetches. */
export const CLIENT_SDK_TOKEN_MS_MAX = 15_000;
/** SDK: silence after which values count as stale, unless the application says otherwise. */
export const CLIENT_SDK_STALE_AFTER_MS = 10_000;
/** SDK: longest silence before a ping: proxies drop what is idle for 30 to 60 s. */
export const CLIENT_SDK_PING_MS_MAX = 25_000;
/** SDK: a ping comes after half of the allowed silence, but never more often than this. */
export const CLIENT_SDK_PING_MS_MIN = 500;
/** SDK: what an answer may take on top of the pause before a ping; later, the connection is dead. */
export const CLIENT_SDK_PONG_GRACE_MS = 5_000;
/** SDK: an acknowledgement that has not come by then is asked for again. */
export const CLIENT_SDK_ANSWER_MS_MAX = 15_000;
/** SDK: instruments refused for a passing reason are asked for again after this, with full jitter on top. */
export const CLIENT_SDK_REFUSED_RETRY_MS = 5_000;
/** SDK: requests without an answer yet; the server queues 64 commands per socket and then refuses. */
export const CLIENT_SDK_REQUESTS_OPEN_MAX = 32;
/** SDK: wanted instruments of one client: four times what a server takes; what is over its limit it rejects by name. */
export const CLIENT_SDK_INSTRUMENTS_MAX = 12_000;
/** SDK: subscription handles of one client; more is a leak in the application. */
export const CLIENT_SDK_SUBSCRIPTIONS_MAX = 10_000;
/** SDK: listeners per event, and open iterators; more is a leak in the application. */
export const CLIENT_SDK_LISTENERS_MAX = 1_000;
export const CLIENT_SDK_ITERATORS_MAX = 1_000;
/** SDK: largest frame that is parsed: 3,000 refusals with their messages are 600 kB. */
export const CLIENT_SDK_FRAME_CHARS_MAX = 4 * 1024 * 1024;
/** SDK: commands per second before the server has published its own number. */
export const CLIENT_SDK_MESSAGES_PER_S = 20;
/** The sidecar looks at its feed this often; silence is counted in such looks, so that no clock can falsify it. */
export const FEED_OBSERVE_MS = 1_000;
/** A liquid segment in open session is stale after this: one that ticks each second is silent so long once in many days. */
export const STALE_AFTER_MS = 10_000;
/** Without proof of liquidity, or out of session, a feed that ticked is called quiet after this. */
export const FEED_QUIET_AFTER_MS = 30_000;
/** A socket that is lost is back within a second as a rule: sooner than this nobody needs to hear of it. */
export const FEED_DOWN_AFTER_MS = 2_000;
/** Time given to sockets that are open again before the feed is called quiet instead of what it was. */
export const FEED_RESUME_MS_MAX = 10_000;
/** Instruments of a segment on one socket that are not all silent for STALE_AFTER_MS in open session, whichever they are. */
export const FEED_LIQUID_INSTRUMENTS_MIN = 100;
/** A socket with heartbeats and without ticks is opened anew after this. */
export const FEED_RECYCLE_AFTER_MS = 20_000;
/** Pause between two recyclings of a sidecar: doubles up to the second while they do not help, as when an exchange halts. */
export const FEED_RECYCLE_PAUSE_MS_MIN = 60_000;
export const FEED_RECYCLE_PAUSE_MS_MAX = 15 * 60_000;
/** The next change of phase is looked for so many days ahead: no market rests longer than that. */
export const SESSION_LOOKAHEAD_DAYS_MAX = 31;
/** A calendar file: a year's entries are some 5 kB. */
export const SESSION_CALENDAR_BYTES_MAX = 256 * 1024;
