// Bounds of the sidecar, and of what it and the edge say to each other.

/** The sidecar looks for changes of accounts this often: a new login is used within seconds, at one small query each. */
export const ACCOUNTS_POLL_MS = 3_000;
/** A query for the accounts that takes longer is given up, with its connection: a dead one would never say so. */
export const ACCOUNTS_READ_MS_MAX = 5_000;
/** Characters of an api_secret or access token: Kite's have 32. */
export const CREDENTIAL_CHARS_MAX = 256;
/** Body of a request about an account: a key, a secret, a token and a few numbers. */
export const ACCOUNT_BODY_BYTES_MAX = 4_096;
/** Latest changes of an account that one answer tells. */
export const ACCOUNT_CHANGES_ROWS_MAX = 100;
/** `npm run kite:login` waits so long for each account: a password, a code from the phone, and a mistake in between. */
export const LOGIN_WAIT_MS_MAX = 300_000;
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
/** Longest flush window that can be set: clients would take more for a feed that is down. */
export const FLUSH_WINDOW_MS_MAX = 10_000;
/** Shortest flush window unless set: a gateway flushes no more often (GATEWAY_FLUSH_WINDOW_MS). */
export const FLUSH_WINDOW_MIN_MS_DEFAULT = 20;
/** Highest flush cost that a shard reports, and its word for no room: more could not make the window any longer. */
export const FLUSH_COST_MS_MAX = FLUSH_WINDOW_MS_MAX;
/** The flush window is so many times the cost of a flush: a gateway spends at most a quarter of its thread on sends. */
export const FLUSH_WINDOW_PER_COST = 4;
/** And so many times the median post: an edge that is far away or slow has at most half of the time a post under way. */
export const FLUSH_WINDOW_PER_POST = 2;
/** What is left of the flush window by one step towards a shorter one; there is one step per window. */
export const FLUSH_WINDOW_SHRINK = 0.9;
/** Posts that the median is of: four rounds to every shard. */
export const FLUSH_WINDOW_POSTS = 32;
/** A shard's report of room that is older counts for nothing: heartbeats bring one each second. */
export const FLUSH_REPORT_AGE_MS_MAX = 3_000;
/** The same bytes are sent again at most this often; after that newer values replace them. */
export const INGEST_POST_RETRIES_MAX = 2;
/** Wait between failed posts: grows from the first to the second. */
export const INGEST_BACKOFF_MS_MIN = 50;
export const INGEST_BACKOFF_MS_MAX = 1_000;
/** An idle shard hears from the sidecar this often: quiet must be told from dead. */
export const INGEST_HEARTBEAT_MS = 1_000;
/** A demanded instrument stays at Kite this long after the last client left it. */
export const DEMAND_LINGER_MS = 60_000;
/**
 * Pause between two plans of what to subscribe, while shards' demand changes all the time: with 27,000 instruments one
 * takes some 20 ms. After a pause the first change is carried out at once.
 */
export const DEMAND_PLAN_MS_MIN = 100;
/** Time for the sidecar to hear that nobody wants it, and to act. */
export const UNWANTED_SLACK_MS = 2_000;
/** Characters of an order update as JSON: Kite's have one to two thousand. */
export const ORDER_UPDATE_CHARS_MAX = 16_384;
/** Order updates that are passed on per second: Kite takes ten orders a second of an account, each has a few updates. */
export const ORDER_UPDATES_PER_SECOND_MAX = 200;
/** Order updates that a repeat is known by, 2 kB each: all sockets bring an update within moments. */
export const ORDER_UPDATES_REMEMBERED_MAX = 1_000;
/** Sidecar's status report to the edge, and its size. */
export const STATUS_INTERVAL_MS = 1_000;
export const STATUS_BYTES_MAX = 64 * 1024;
/** Instruments without a place that a report names: 12 characters each; its count has them all. */
export const STATUS_NOT_PLACED_MAX = 500;
/** A report older than this is a sidecar that is down. */
export const STATUS_AGE_MS_MAX = 5_000;
/** One message of the control link: the minutes of two months are 22,500 candles of 70 bytes. */
export const CONTROL_MESSAGE_BYTES_MAX = 2 * 1024 * 1024;
/** Requests of the edge that wait for the sidecar's answer; more of them mean that it does not keep up. */
export const CONTROL_REQUESTS_MAX = 64;
/** Longest wait for an answer of the sidecar: a caller of ours waits for it with an open connection. */
export const CONTROL_REQUEST_MS_MAX = 10_000;
/** On top of it until the Worker gives up the control link itself: the way there and back. */
export const CONTROL_CALL_SLACK_MS = 1_000;
/** The sidecar proves the control link this often, and takes it for lost when nothing has come back for so long. */
export const CONTROL_PING_MS = 5_000;
export const CONTROL_SILENCE_MS_MAX = 12_000;
/** A black-holed connect must not keep wake-ups away for minutes. */
export const CONTROL_HANDSHAKE_MS_MAX = 5_000;
/** Full-jitter reconnect of the control link, and the life after which failures are forgotten. */
export const CONTROL_BACKOFF_MS_MIN = 500;
export const CONTROL_BACKOFF_MS_MAX = 10_000;
export const CONTROL_STABLE_MS = 20_000;
/** Tokens that one answer about unplaced instruments spells out; its total counts all. */
export const NOT_PLACED_TOKENS_MAX = 1_000;
/** Life of the active sidecar's lease since it was last renewed: another one takes over within 10 s of its death. */
export const SIDECAR_LEASE_MS = 6_000;
/** The holder renews it this often: two may fail. */
export const SIDECAR_LEASE_RENEW_MS = 2_000;
/** So long before its end the holder asks before it posts anything more. */
export const SIDECAR_LEASE_MARGIN_MS = 1_000;
/** A standby looks at the lease this often at least. */
export const SIDECAR_LEASE_POLL_MS = 1_000;
/** An answer about the lease that takes longer is none: the database is away. */
export const SIDECAR_LEASE_ANSWER_MS_MAX = 1_500;
/** Pinned subscriptions: all that three accounts carry, three sockets of 3,000 instruments each. */
export const SUBSCRIPTIONS_MAX = 27_000;
/** Rows of one page of subscriptions, at most and by default. */
export const SUBSCRIPTIONS_PAGE_ROWS_MAX = 1_000;
export const SUBSCRIPTIONS_PAGE_ROWS_DEFAULT = 100;
/** Body of a subscription: three short fields. */
export const SUBSCRIPTION_BODY_BYTES_MAX = 4_096;
/** Wake-ups may be lost: the sidecar reads the subscriptions again after so long, and sooner after a failure. */
export const SUBSCRIPTIONS_RECONCILE_MS = 60_000;
export const SUBSCRIPTIONS_BACKOFF_MS_MIN = 1_000;
/** Between two readings: a program that subscribes to thousands, one by one, wakes the sidecar with each. */
export const SUBSCRIPTIONS_READ_GAP_MS = 250;
/** Reading all of them takes 50 ms; an answer that takes so long does not come. */
export const SUBSCRIPTIONS_READ_MS_MAX = 10_000;
/** Rows that one statement writes of the instrument list: 130 kB of JSON, made in about 2 ms between ticks. */
export const INSTRUMENT_STORE_ROWS_PER_STATEMENT = 500;
/** Storing a list takes seconds; a database that has not done it by then hangs, and another connection is tried. */
export const INSTRUMENT_STORE_MS_MAX = 120_000;
/** Counting the stored list takes milliseconds; a new list waits no longer for it. */
export const INSTRUMENT_COUNT_MS_MAX = 2_000;
/** Instruments on one page of a search, at most and unless the caller says otherwise: 500 are 150 kB. */
export const INSTRUMENTS_PAGE_ROWS_MAX = 500;
export const INSTRUMENTS_PAGE_ROWS_DEFAULT = 100;
/** Reply to a batch: a demand of 16,384 items of at most 22 characters each, with room to spare. */
export const BATCH_REPLY_BYTES_MAX = 1024 * 1024;
/** One row of the instrument dump: real ones have about 90 bytes; a row that never ends must not fill memory. */
export const INSTRUMENT_ROW_BYTES_MAX = 4_096;
/** Characters of one text field of the dump: keeps a definition within its share of a batch. */
export const INSTRUMENT_FIELD_CHARS_MAX = 96;
/** The dump is 9 MB uncompressed: a minute is a slow line, more is a dead one. */
export const INSTRUMENT_DUMP_MS_MAX = 60_000;
/** Redirects that a download of the dump follows: none is usual, more than a few are a loop. */
export const INSTRUMENT_DUMP_REDIRECTS_MAX = 3;
/** Wait between failed loads of the dump: first and highest ceiling. */
export const INSTRUMENT_LOAD_BACKOFF_MS_MIN = 1_000;
export const INSTRUMENT_LOAD_BACKOFF_MS_MAX = 60_000;
/** Least wait after a 429, which Kite ends when its window is over, and longest wait that a Retry-After can impose. */
export const INSTRUMENT_THROTTLED_MS_MIN = 15_000;
export const INSTRUMENT_RETRY_AFTER_MS_MAX = 900_000;
/** It is looked so often whether a new list is due: by the wall clock of that moment, which may have been set since. */
export const INSTRUMENT_REFRESH_CHECK_MS = 60_000;
/** Rows of a list that cannot be read, as a share: Kite's have none, and a few cost only themselves. */
export const INSTRUMENT_BAD_ROWS_SHARE_MAX = 0.01;
/**
 * A list with a smaller share of the last good one's rows is not whole. A monthly expiry takes two fifths of NFO's rows
 * and a sixth of all, and as many come back with the next month's contracts.
 */
export const INSTRUMENT_ROWS_SHARE_MIN = 0.7;
export const INSTRUMENT_EXCHANGE_ROWS_SHARE_MIN = 0.4;
/** Exchanges with fewer rows are not looked at one by one: GLOBAL has a dozen. */
export const INSTRUMENT_EXCHANGE_ROWS_COMPARED_MIN = 500;
/** Characters of somebody else's text that one log line quotes. */
export const LOG_QUOTE_CHARS_MAX = 200;
/** Keys and tokens that logs are searched for beside the configured ones: those of 64 accounts, each key and token, eight times over. */
export const LOG_SECRETS_MAX = 1_024;
