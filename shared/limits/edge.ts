// Bounds of shards, gateways and routes.

/** Before an access token ends at 06:00 in India, operators are told this long. */
export const ACCESS_TOKEN_WARNING_MS = 3_600_000;
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
/** One send of a gateway's thread, whatever the frame's size: 14-24 us were measured (see the design, D1 and D2). */
export const GATEWAY_SEND_COST_US = 20;
/** A push that comes so long after the first one of a round is of the next round: those of one leave together. */
export const GATEWAY_ROUND_MS = 10;
/** A gateway's flush cost is the average of about so many rounds: one second's slow tier must not look like a load. */
export const FLUSH_COST_ROUNDS = 8;
/** A shard that has not pushed to a gateway for so long causes it no cost, whatever it was before. */
export const FLUSH_COST_AGE_MS_MAX = 2_000;
/** A push that is under way for longer is not explained by distance: the gateway does not keep up. */
export const SHARD_PUSH_MS_MAX = 500;
/** Gap between two flushes of one gateway: pushes of all shards inside it become one. */
export const GATEWAY_FLUSH_WINDOW_MS = 20;
/** Rows that a flush notes down before it sends them: 4 MB; 1,000 clients with 260 changed instruments each. */
export const FLUSH_ROWS_QUEUED_MAX = 262_144;
/** Bytes of rows that a flush makes before it sends them: 40,000 changed instruments in binary, 2,800 as Kite's packets. */
export const FLUSH_ROWS_BYTES_MAX = 524_288;
/** Rows of the same, however short: a row has 18 bits where it is noted down, and an instrument has at most six. */
export const FLUSH_ROWS_MAX = 262_144 - 6;
/** Characters of JSON rows that a flush makes before it sends them: 8 MB, 10,000 full ticks. */
export const FLUSH_ROWS_CHARS_MAX = 8_388_608;
/** Bytes or characters of one frame of rows; more rows make another frame. As much as an empty socket is given. */
export const ROWS_FRAME_BYTES_MAX = 65_536;
/** The first push of a round waits so long for the others: they come within milliseconds, or have nothing to bring. */
export const GATEWAY_GATHER_MS_MIN = 6;
/** The same where a flush costs more than that: its whole cost, which is this with 1,000 clients. */
export const GATEWAY_GATHER_MS_MAX = 20;
/** Frames of one flush that are sent in one go: half a ms of work, after which they leave before the next ones are made. */
export const FLUSH_FRAMES_AT_ONCE = 50;
/** Pause before full sockets are looked at again: from the first, doubled while nothing moves, to the second. */
export const DRAIN_PAUSE_MS_MIN = 1;
export const DRAIN_PAUSE_MS_MAX = 50;
/** Closed bars that a gateway keeps for clients that come back: 6 MB; a minute of 300 instruments' seconds and minutes. */
export const BARS_KEPT_MAX = 20_000;
/** Closed bars that wait for a gateway that does not answer: the minute of as many instruments, then the newest. */
export const SHARD_BARS_HELD_MAX = 4_096;
/** A bar is closed so long after its end: ticks that a full batch had no room for come with the next one. */
export const BAR_GRACE_MS = 200;
/** Pause between batches after which bars were not seen whole: heartbeats come each second, a slow post takes so long. */
export const BAR_GAP_MS_MAX = 5_000;
/** Shortest time between two updates of an open bar: two in a second's bar, four a second in a minute's. */
export const BAR_LIVE_1S_MS = 500;
export const BAR_LIVE_1M_MS = 250;
/** A gateway waits this long for the feed's state when its first client comes. */
export const FEED_LEARN_MS_MAX = 1_000;
/** The edge gives a database so long to take a connection, and to answer in all: whoever waits is told to try again. */
export const DATABASE_CONNECT_S_MAX = 5;
export const DATABASE_ANSWER_MS_MAX = 8_000;
/** Symbols whose tokens a gateway remembers, and for how long: a list changes once a day, in the early morning. */
export const SYMBOLS_REMEMBERED_MAX = 20_000;
export const SYMBOLS_REMEMBERED_MS = 600_000;
/** Symbols that did not exist, so that they are not asked for with every message: more than a message names, for a moment. */
export const SYMBOLS_UNKNOWN_MAX = 5_000;
export const SYMBOLS_UNKNOWN_MS = 10_000;
/** Symbols in one query of a gateway, which makes one at a time: all of one message, or those of many. */
export const SYMBOLS_PER_QUERY_MAX = 3_000;
/** Chains whose contracts a gateway remembers, and for how long: 50 kB each; exchanges add strikes during the day. */
export const CHAIN_LISTS_REMEMBERED_MAX = 64;
export const CHAIN_LISTS_REMEMBERED_MS = 600_000;
/** Chains that did not exist, so that they are not asked for with every message, for a moment. */
export const CHAIN_LISTS_UNKNOWN_MAX = 1_000;
export const CHAIN_LISTS_UNKNOWN_MS = 10_000;
/** Contracts of a chain: index options of one expiry have 400 at most, in a list of 115,000. */
export const CHAIN_CONTRACTS_MAX = 4_000;
/** Expiries that an error names, and those that /chain/expiries lists: weeklies and months of some years. */
export const CHAIN_EXPIRIES_NAMED_MAX = 5;
export const CHAIN_EXPIRIES_MAX = 200;
/** A chain that could not be looked up again is tried again after this. */
export const CHAIN_RELOAD_MS = 5_000;
/** Shortest time between two looks at a chain: its figures, and whether its window moves. */
export const CHAIN_PACE_MS = 1_000;
/** News of a chain waits so long for what the other shards have of the same round. */
export const CHAIN_GATHER_MS = 20;
/**
 * How far past the middle between two strikes the forward has to be before the window moves, in parts of their distance:
 * the forward moves by less from one second to the next while nothing happens, and a move costs every client a message.
 */
export const CHAIN_HYSTERESIS = 0.1;
/** /chain waits so long for values, and looks that often whether all are here. */
export const CHAIN_DOCUMENT_MS_MAX = 3_000;
export const CHAIN_DOCUMENT_LOOK_MS = 50;
/** Documents that a gateway gathers at once; each holds the interest of its chain. */
export const CHAIN_DOCUMENTS_MAX = 64;
/** Answer of the database that /health waits for. */
export const HEALTH_DATABASE_MS_MAX = 2_000;
/** All who ask /health within this share one answer of their Worker; whoever waits for it, waits for so long at most. */
export const HEALTH_CACHE_MS = 1_000;
export const HEALTH_WAIT_MS_MAX = 3_000;
/** A gateway that was full is not asked again for so long: a storm of reconnects must not beat on it. */
export const GATEWAY_FULL_MS = 1_000;
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
/** While another request reads what both want to know, one looks this often whether it is done: less than that takes. */
export const LOOK_AGAIN_MS = 5;
