// Bounds of the local runner, each with its unit in the name and the reason for the number.

/** Longest line of a child that is shown whole: a runaway line must not fill the terminal or memory. */
export const LOG_LINE_CHARS_MAX = 16_384;
/** Last lines of a child that are shown again when it dies before it was ready. */
export const LAST_LINES_MAX = 20;
/** A part that is not ready after this never will be: a slow laptop needs about 5 s for the database. */
export const PART_READY_MS_MAX = 30_000;
/** SIGTERM first; what has not left after this gets SIGKILL. */
export const PART_STOP_MS_MAX = 5_000;
/** A part that died is started again after the first wait, which doubles up to the second. */
export const PART_RESTART_MS_MIN = 100;
export const PART_RESTART_MS_MAX = 5_000;
/** Deaths inside the window after which a part is given up and everything stops. */
export const PART_RESTARTS_MAX = 10;
export const PART_RESTART_WINDOW_MS = 60_000;
/** The whole system answers /health within this, or the start has failed. */
export const STACK_READY_MS_MAX = 60_000;
/** Between two probes of /health while the system starts. */
export const HEALTH_PROBE_INTERVAL_MS = 50;
/** miniflare brings a dead workerd back in 0.2 s; dead for longer than this, its host gives way to a fresh one. */
export const WORKERD_DEAD_MS_MAX = 1_500;
export const WORKERD_CHECK_INTERVAL_MS = 250;
/** Body of a login request: two short strings. */
export const LOGIN_BODY_BYTES_MAX = 16_384;
/** A login's token lives an hour, as the user service's does; the one that dev prints, a day. */
export const LOGIN_TOKEN_S = 3_600;
export const DEV_TOKEN_S = 24 * 3_600;
/** PostgreSQL's wait for its own orphan, its start (after a crash it replays its log) and its stop. */
export const DATABASE_START_MS_MAX = 20_000;
export const DATABASE_STOP_MS_MAX = 4_000;
/** Connections of the local PostgreSQL: each test file, the sidecar and the edge take a few. */
export const DATABASE_CONNECTIONS_MAX = 100;
