// Every bound of the page, each with its unit in the name and the reason for the number.

/** Rows of the watchlist: more than a trader can watch, and few enough to draw in one frame. */
export const WATCHLIST_ROWS_MAX = 500;

/** Full-jitter reconnect: first ceiling and highest ceiling. */
export const RECONNECT_MS_MIN = 500;
export const RECONNECT_MS_MAX = 30_000;
/** A connection has to live this long before the failures ahead of it are forgotten. */
export const STABLE_MS = 10_000;
/** From opening the socket to the server's first message; a black-holed connect would take minutes to fail. */
export const HANDSHAKE_MS_MAX = 10_000;
/** A socket that has been quiet this long is asked whether it is alive. */
export const QUIET_MS_MAX = 5_000;
/** No frame of any kind in this time after the question: the connection is dead. */
export const PONG_MS_MAX = 5_000;
/** How often quiet sockets are looked for. */
export const WATCH_INTERVAL_MS = 1_000;
/** Changes of the watchlist inside this window are one message: a held Delete key must not flood the server. */
export const COMMAND_WINDOW_MS = 50;
/** Instruments refused for a passing reason are asked for again after this, with full jitter on top. */
export const REFUSED_RETRY_MS = 5_000;

/** The user service's answer to a sign-in. */
export const SIGN_IN_MS_MAX = 10_000;

/** Ages on the page are redrawn this often. */
export const AGE_INTERVAL_MS = 1_000;
/** From this age on a value is marked as old. */
export const AGE_OLD_MS = 10_000;
/** Length of the flash of a changed price. */
export const FLASH_MS = 450;
