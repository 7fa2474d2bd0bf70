// Bounds of the SDK.

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
/** SDK: pause between two requests for a restart; each is answered with a keyframe of every instrument, 300 kB at most. */
export const CLIENT_SDK_RESTART_MS = 3_000;
/** SDK: instruments refused for a passing reason are asked for again after this, with full jitter on top. */
export const CLIENT_SDK_REFUSED_RETRY_MS = 5_000;
/** SDK: requests without an answer yet; the server queues 64 commands per socket and then refuses. */
export const CLIENT_SDK_REQUESTS_OPEN_MAX = 32;
/** SDK: wanted instruments of one client, of each kind of stream: four times the ticks that a server takes; it rejects by name. */
export const CLIENT_SDK_INSTRUMENTS_MAX = 12_000;
/** SDK: subscription handles of one client; more is a leak in the application. */
export const CLIENT_SDK_SUBSCRIPTIONS_MAX = 10_000;
/** SDK: listeners per event, and open loops over ticks and over bars; more is a leak in the application. */
export const CLIENT_SDK_LISTENERS_MAX = 1_000;
export const CLIENT_SDK_ITERATORS_MAX = 1_000;
/** SDK: closed bars that wait for one loop that is busy: most of a minute of all that a server gives one client. */
export const CLIENT_SDK_BARS_WAITING_MAX = 10_000;
/** SDK: largest frame that is parsed: 3,000 refusals with their messages are 600 kB. */
export const CLIENT_SDK_FRAME_CHARS_MAX = 4 * 1024 * 1024;
/** SDK: commands per second before the server has published its own number. */
export const CLIENT_SDK_MESSAGES_PER_S = 20;
