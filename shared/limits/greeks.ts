// Bounds of option valuation: outside them a result says so instead of holding numbers that doubles cannot carry.

/** Forward and strike, in rupees: so far from what is traded that only a mistake is outside, and products stay finite. */
export const OPTION_AMOUNT_MIN = 1e-9;
export const OPTION_AMOUNT_MAX = 1e15;
/** Years to expiry: below one millisecond, the resolution of our clocks, an option is expired. */
export const OPTION_YEARS_MIN = 1 / (365 * 86_400_000);
/** More years are a mistake: the longest listed options have five. */
export const OPTION_YEARS_MAX = 100;
/** Rate per year, as a fraction, either way: with the years above the discount factor stays a number. */
export const OPTION_RATE_MAX = 1;
/** Volatility per year, as a fraction, that an option may be valued at. */
export const OPTION_VOLATILITY_MIN = 1e-9;
export const OPTION_VOLATILITY_MAX = 1e9;
/** Time value in units of sqrt(forward x strike): below it squares and densities leave the range of doubles. */
export const OPTION_TIME_VALUE_MIN = 1e-300;
/** Spread over mid above which a book's mid is no price: India VIX's rule; and the ticks that are no wide spread at any price. */
export const OPTION_SPREAD_SHARE_MAX = 0.3;
export const OPTION_SPREAD_TICKS_MAX = 4;
/** Seconds after which a last trade, without a book, no longer says what an option is worth beside the forward of now. */
export const OPTION_LAST_TRADE_AGE_S_MAX = 5;
/** Strikes around the money that a synthetic forward takes: with fewer one bad quote decides, more are far and wide. */
export const SYNTHETIC_STRIKES_MIN = 3;
export const SYNTHETIC_STRIKES_MAX = 5;
/** The money may be so many strikes off the middle of a synthetic forward's strikes: SYNTHETIC_STRIKES_MIN stay around it. */
export const SYNTHETIC_WINDOW_SLACK_STRIKES = 1;
/** Spread over mid above which a future's or a share's mid is no price of the underlying: half of it is the error of all strikes. */
export const UNDERLYING_SPREAD_SHARE_MAX = 0.005;
/** Seconds by which a quote may be older than the newest one of its market, and still go into a forward or stand for a strike. */
export const OPTION_QUOTE_AGE_S_MAX = 30;
/** A forward is worked out anew at most this often: some 20 prices are read for a synthetic one. */
export const FORWARD_MS_MIN = 50;
/** An option's Greeks are renewed at most this often while only its underlying moves: each renewal is a tick more to send. */
export const GREEKS_RENEWAL_MS = 1_000;
/** How often it is looked which are due: a part of the above, so that none waits for twice as long. */
export const GREEKS_RENEWAL_CHECK_MS = 250;
/** Instruments that are streamed for forwards alone: spot and future of 200 underlyings, and 10 options of each of 60 expiries without a future. */
export const GREEKS_SUPPORT_INSTRUMENTS_MAX = 1_000;
/** Options that are valued in one go: their columns stay in the processor's cache. */
export const OPTIONS_PER_VALUATION_MAX = 256;
