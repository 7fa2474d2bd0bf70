// Bounds of the simulator.

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
/** Accounts of a simulator: more than any team has, each with a few hundred bytes. */
export const SIMULATOR_ACCOUNTS_MAX = 100;
/** Faults that stand in a simulator at a time: each flush and request looks at all of them. */
export const SIMULATOR_FAULTS_MAX = 1_000;
/** Longest life of a fault that ends by itself, and of a delayed answer: a day, and longer than any caller waits. */
export const SIMULATOR_FAULT_MS_MAX = 24 * 3_600_000;
export const SIMULATOR_REST_DELAY_MS_MAX = 10 * 60_000;
/** A drip that is faster than this is no drip. */
export const SIMULATOR_DRIP_BYTES_PER_S_MAX = 1024 * 1024;
/** Unusable rows that a fault puts into a dump: a tenth of it. */
export const SIMULATOR_MALFORMED_ROWS_MAX = 10_000;
/** Characters of a text frame that a simulator is told to send. */
export const SIMULATOR_TEXT_CHARS_MAX = 32 * 1024;
/** Jump of a simulated spot by one command: further than an exchange lets an index go in a day. */
export const SIMULATOR_SPOT_JUMP_PERCENT_MAX = 20;
/** Order updates of one command to a simulator, and copies of each. */
export const SIMULATOR_ORDERS_PER_COMMAND_MAX = 100;
export const SIMULATOR_ORDER_COPIES_MAX = 10;
