// Bounds of orders: what is sent to Kite how often, how long an order is looked for, and what is given up when.

/** Write requests of one account under way at once: one that hangs does not hold up a cancel. */
export const ORDER_WRITES_AT_ONCE_MAX = 2;
/** Looks at the book and probes of one account under way at once. */
export const ORDER_READS_AT_ONCE_MAX = 1;
/** A write leaves within so long or not at all: less than what the lease has left when it was confirmed (SIDECAR_LEASE_MARGIN_MS). */
export const ORDER_SEND_WAIT_MS_MAX = 500;
/** A finished task is kept at hand, and an order's last event, so long for late news: the book is of one day. */
export const ORDER_LATE_NEWS_MS = 24 * 3_600_000;
/** A task that has not been sent by then is given up: an order that leaves minutes later is not the one that was meant. */
export const ORDER_UNSENT_AGE_MS_MAX = 300_000;
/** Sent requests whose times are loaded at a start: the longest window of Kite's limits, and what may still be on its way. */
export const ORDER_SENT_LOADED_MS = 90_000;
