// Bounds of the simulated order system.

/** Units of one simulated order: above what exchanges take in one order of anything that is not worth paise. */
export const SIMULATOR_ORDER_QUANTITY_MAX = 1_000_000;
/** Tags whose requests are counted: ten days of orders; the oldest goes first. */
export const SIMULATOR_TAGS_COUNTED_MAX = 50_000;
/** A hidden order is found so much later at most, and one that is held goes on: longer than was ever seen. */
export const SIMULATOR_ORDER_DELAY_MS_MAX = 10 * 60_000;
/** An update that is kept back for the next one of its order goes out after so long without it. */
export const SIMULATOR_UPDATE_HELD_MS_MAX = 1_000;
/** A postback has so long to be answered. */
export const SIMULATOR_POSTBACK_MS_MAX = 5_000;
/** Postbacks under way at once; Kite repeats none, so what is over is dropped. */
export const SIMULATOR_POSTBACKS_AT_ONCE_MAX = 64;
/** Addresses that may write orders: Kite has two per developer. */
export const SIMULATOR_ORDER_ADDRESSES_MAX = 2;
