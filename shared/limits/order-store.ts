// Bounds of what is kept of orders in the database.

/** Tasks that are over stay so long where they are looked up: a month's statements. Ten years are what a tax office asks for. */
export const ORDER_RETENTION_DAYS_DEFAULT = 30;
/** What the executor loads of past days is of two of them (ORDER_LATE_NEWS_MS, an order's modifications). */
export const ORDER_RETENTION_DAYS_MIN = 2;
export const ORDER_RETENTION_DAYS_MAX = 3_650;
/** One statement about tasks takes milliseconds; an answer that takes so long does not come, and the executor starts anew. */
export const ORDER_STORE_ANSWER_MS_MAX = 5_000;
/** The database itself gives a statement up by then: the executor has started anew, and must not meet it later. */
export const ORDER_STATEMENT_MS_MAX = 4_000;
/** Tasks that one statement gives up for their age: more are given up by the next one. */
export const ORDER_EXPIRED_ROWS_MAX = 1_000;
/** It is looked so often whether something is to be archived: days are what it is about. */
export const ORDER_ARCHIVE_CHECK_MS = 3_600_000;
/** Rows that one statement archives or removes, and the pause to the next one: the executor's statements come in between. */
export const ORDER_ARCHIVE_ROWS_PER_STATEMENT = 500;
export const ORDER_ARCHIVE_PAUSE_MS = 100;
/** A portion takes milliseconds; an answer that takes so long does not come. */
export const ORDER_ARCHIVE_ANSWER_MS_MAX = 10_000;
/** At its end a sidecar waits so long for Kite's answers to what it has sent: they take tenths of a second. */
export const ORDER_DRAIN_MS_MAX = 3_000;
/** Events that wait to be told to the edge, 2 kB each: five seconds' worth; those before them it reads from the database. */
export const ORDER_NOTICES_WAITING_MAX = 1_000;
/** Accounts' secrets are read anew after so long: postbacks come in bursts, and anybody can send them. */
export const POSTBACK_SECRETS_AGE_MS_MAX = 10_000;
/** Tasks that were given up and not resolved, as one listing shows them. */
export const ORDERS_GIVEN_UP_ROWS_MAX = 200;
/** Tasks are counted so often for the status, and an answer that takes longer does not come. */
export const ORDER_FIGURES_MS = 5_000;
export const ORDER_FIGURES_ANSWER_MS_MAX = 3_000;
