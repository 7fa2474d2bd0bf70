// Bounds of orders: what is sent to Kite how often, how long an order is looked for, and what is given up when.

/** Write requests of one Zerodha user under way at once: one that hangs does not hold up a cancel. */
export const ORDER_WRITES_AT_ONCE_MAX = 2;
/** A write leaves within so long or not at all: less than what the lease has left when it was confirmed (SIDECAR_LEASE_MARGIN_MS). */
export const ORDER_SEND_WAIT_MS_MAX = 500;
/** A finished task is kept at hand, and an order's last event, so long for late news: the book is of one day. */
export const ORDER_LATE_NEWS_MS = 24 * 3_600_000;
/** A task that has not been sent by then is given up: an order that leaves minutes later is not the one that was meant. */
export const ORDER_UNSENT_AGE_MS_MAX = 300_000;
/** Sent requests whose times are loaded at a start: the longest window of Kite's limits, and what may still be on its way. */
export const ORDER_SENT_LOADED_MS = 90_000;
/**
 * Write requests of one Zerodha user, in any stretch of a second, a minute, and by trading date. Below Kite's 10, 400 and 5,000 by
 * at least ORDER_WRITES_AT_ONCE_MAX: what a sidecar that was stopped on its way to the socket may send yet, when another one is active.
 */
export const ORDER_REQUESTS_PER_S_MAX = 8;
export const ORDER_REQUESTS_PER_MINUTE_MAX = 390;
export const ORDER_REQUESTS_PER_DAY_MAX = 4_900;
/** A request without an answer may still arrive at Kite for so long: it counts as under way. */
export const ORDER_STRAY_MS_MAX = 5_000;
/** Modifications of one order. Kite refuses the twenty-sixth, and one may be on its way. */
export const ORDER_MODIFICATIONS_MAX = 24;
/** Times that a task is sent whose requests are known not to have been taken. */
export const ORDER_ATTEMPTS_MAX = 5;
/** Wait before the next one: a ceiling that doubles from the first to the second, of which the upper half is used. */
export const ORDER_RETRY_MS_MIN = 500;
export const ORDER_RETRY_MS_MAX = 15_000;
/** After a 429 all writes of the user rest: grows while Kite goes on refusing. */
export const ORDER_THROTTLE_MS_MIN = 1_000;
export const ORDER_THROTTLE_MS_MAX = 60_000;
/** Requests in a row without a usable answer after which an account sends nothing more until a probe has one. */
export const ORDER_BREAKER_FAILURES_MAX = 3;
/** Wait until the first probe, and what it grows to. */
export const ORDER_BREAKER_MS_MIN = 1_000;
export const ORDER_BREAKER_MS_MAX = 30_000;
/** Looks at Kite's book after an unknown outcome, from then; orders have turned up 8 s and 83 s late. */
export const ORDER_LOOK_OFFSETS_MS: readonly number[] = [
  500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000,
];
/** After the last of them a look each: more often the CDN takes it for an attack. */
export const ORDER_LOOK_INTERVAL_MS = 60_000;
/** For tasks that were given up and whose order may turn up yet. */
export const ORDER_LATE_LOOK_INTERVAL_MS = 300_000;
/** From the first look at the book that brought an answer to the one that ends the search. */
export const ORDER_LOOKED_MS_MIN = 120_000;
/** Between the starts of two looks at an account's book, whoever they are for: many orders at once must not poll it in a loop. */
export const ORDER_LOOK_GAP_MS = 500;
/** A look that failed is repeated, and none comes before that: grows from the first to the second. */
export const ORDER_LOOK_BACKOFF_MS_MIN = 1_000;
export const ORDER_LOOK_BACKOFF_MS_MAX = 30_000;
/** The executor looks for due tasks by itself this often: wake-ups may get lost. */
export const ORDER_POLL_MS = 1_000;
/** A database that does not answer is asked again after so long. */
export const ORDER_STORE_RETRY_MS = 1_000;
/** A transaction whose answer was lost is over by then (the store's statements have time limits): all is loaded once more. */
export const ORDER_STORE_LATE_MS = 15_000;
/** News and outcomes that wait for the database. When there are more, orders' news is dropped, and Kite's books are compared after it. */
export const ORDER_FACTS_WAITING_MAX = 10_000;
/** Facts that one transaction stores: some milliseconds' work. */
export const ORDER_FACTS_PER_COMMIT = 64;
/** Commits of the same news that are rejected, a second apart, before it is dropped: the others wait behind it. */
export const ORDER_REJECTIONS_MAX = 30;
/** Characters of Kite's words in a task's history; `status_message` may have 1,024 bytes. */
export const ORDER_MESSAGE_CHARS_MAX = 256;
/** It is looked this often for tasks that are too old to be sent. */
export const ORDER_EXPIRY_CHECK_MS = 5_000;
