// The watchlist's columns: what each shows of a tick, as text, with nothing shown for a value that is missing.

/**
 * What the server tells about one instrument; prices in rupees, times in ISO 8601. A field that is not there has no value.
 *
 * @typedef {object} Tick
 * @property {number} instrument_token
 * @property {string} tradingsymbol
 * @property {string} exchange
 * @property {number} [last_price]
 * @property {number} [change] rupees since the previous close
 * @property {number} [change_percent]
 * @property {number} [volume]
 * @property {number} [oi]
 * @property {{ buy: DepthLevel[], sell: DepthLevel[] }} [depth] best level first
 * @property {string} [exchange_timestamp] whole seconds
 * @property {string} received_at
 *
 * @typedef {{ price: number, quantity: number, orders: number }} DepthLevel
 * @typedef {'up' | 'down' | 'flat'} Tone
 *
 * @typedef {object} Column
 * @property {string} id class of its cells, by which the style sheet sets width, side and the screens it is left out on
 * @property {string} heading
 * @property {string} [headingTitle] the heading in full
 * @property {(tick: Tick) => string} text
 * @property {(tick: Tick) => Tone} [tone]
 */

const NO_VALUE = '–';
const IST_OFFSET_MS = 5.5 * 3_600_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Segments (low byte of a token) whose prices have four decimals: currency derivatives at NSE and at BSE. */
const CURRENCY_SEGMENTS = new Set([3, 6]);

/** @param {number} digits @param {Intl.NumberFormatOptions} [options] */
function numberFormat(digits, options) {
  return new Intl.NumberFormat('en-IN', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    ...options,
  });
}

const quantityFormat = numberFormat(0);
const percentFormat = numberFormat(2, { signDisplay: 'exceptZero' });
const priceFormats = { 2: numberFormat(2), 4: numberFormat(4) };
const changeFormats = {
  2: numberFormat(2, { signDisplay: 'exceptZero' }),
  4: numberFormat(4, { signDisplay: 'exceptZero' }),
};

/** @param {Tick} tick */
function priceDigits(tick) {
  return CURRENCY_SEGMENTS.has(tick.instrument_token & 0xff) ? 4 : 2;
}

/** @param {Tick} tick @param {number | undefined} price */
function priceText(tick, price) {
  return price === undefined ? NO_VALUE : priceFormats[priceDigits(tick)].format(price);
}

/** @param {number | undefined} quantity */
function quantityText(quantity) {
  return quantity === undefined ? NO_VALUE : quantityFormat.format(quantity);
}

/** @param {Tick} tick @returns {Tone} */
function changeTone({ change = 0 }) {
  return change > 0 ? 'up' : change < 0 ? 'down' : 'flat';
}

/** @param {number} value */
function twoDigits(value) {
  return String(value).padStart(2, '0');
}

/**
 * Time of day at the exchange; the date instead when it is not today's, because 15:29:59 of yesterday looks current.
 *
 * @param {string | undefined} timestamp ISO 8601
 * @param {number} nowMs
 */
export function exchangeTimeText(timestamp, nowMs) {
  if (timestamp === undefined) return NO_VALUE;
  const istMs = Date.parse(timestamp) + IST_OFFSET_MS;
  const ist = new Date(istMs);
  const dayMs = 86_400_000;
  if (Math.floor(istMs / dayMs) !== Math.floor((nowMs + IST_OFFSET_MS) / dayMs)) {
    return `${twoDigits(ist.getUTCDate())} ${MONTHS[ist.getUTCMonth()]}`;
  }
  return [ist.getUTCHours(), ist.getUTCMinutes(), ist.getUTCSeconds()].map(twoDigits).join(':');
}

/** @param {number} ageMs */
export function ageText(ageMs) {
  const seconds = Math.floor(ageMs / 1_000);
  if (seconds < 1) return '<1 s';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Between the symbol and the age, which every row has even without a tick. @type {readonly Column[]} */
export const COLUMNS = [
  { id: 'exchange', heading: 'Exch', headingTitle: 'Exchange', text: (tick) => tick.exchange },
  {
    id: 'last-price',
    heading: 'LTP',
    headingTitle: 'Last traded price',
    text: (tick) => priceText(tick, tick.last_price),
  },
  {
    id: 'change',
    heading: 'Chg',
    headingTitle: 'Change since the previous close',
    text: (tick) =>
      tick.change === undefined ? NO_VALUE : changeFormats[priceDigits(tick)].format(tick.change),
    tone: changeTone,
  },
  {
    id: 'change-percent',
    heading: 'Chg %',
    headingTitle: 'Change since the previous close, per cent',
    text: ({ change_percent: percent }) =>
      percent === undefined ? NO_VALUE : `${percentFormat.format(percent)}%`,
    tone: changeTone,
  },
  {
    id: 'bid-quantity',
    heading: 'Bid qty',
    headingTitle: 'Quantity at the best bid',
    text: ({ depth }) => quantityText(depth?.buy[0]?.quantity),
  },
  {
    id: 'bid',
    heading: 'Bid',
    headingTitle: 'Best bid',
    text: (tick) => priceText(tick, tick.depth?.buy[0]?.price),
  },
  {
    id: 'ask',
    heading: 'Ask',
    headingTitle: 'Best ask',
    text: (tick) => priceText(tick, tick.depth?.sell[0]?.price),
  },
  {
    id: 'ask-quantity',
    heading: 'Ask qty',
    headingTitle: 'Quantity at the best ask',
    text: ({ depth }) => quantityText(depth?.sell[0]?.quantity),
  },
  { id: 'volume', heading: 'Volume', text: ({ volume }) => quantityText(volume) },
  { id: 'oi', heading: 'OI', headingTitle: 'Open interest', text: ({ oi }) => quantityText(oi) },
  {
    id: 'exchange-time',
    heading: 'Time',
    headingTitle: 'Time at the exchange (IST)',
    text: ({ exchange_timestamp: timestamp }) => exchangeTimeText(timestamp, Date.now()),
  },
];
