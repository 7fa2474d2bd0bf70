// The instrument tokens of the watchlist: reading what a user typed, and keeping the list across visits.
import { WATCHLIST_ROWS_MAX } from './limits.js';

const STORAGE_KEY = 'watchlist.tokens';

/** NIFTY 50, NIFTY BANK, INDIA VIX, RELIANCE, HDFCBANK, INFY, SBIN. */
const DEFAULT_TOKENS = [256265, 260105, 264969, 738561, 341249, 408065, 779521];

/** @param {unknown} value @returns {value is number} */
function isToken(value) {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 0xffff_ffff;
}

/**
 * The tokens in a text, separated by commas or white space, without repeats; `unreadable` is what cannot be one.
 *
 * @param {string} text
 * @returns {{ tokens: number[], unreadable: string[] }}
 */
export function parseTokens(text) {
  /** @type {Set<number>} */
  const tokens = new Set();
  const unreadable = [];
  for (const item of text.split(/[\s,;]+/)) {
    if (item === '') continue;
    const token = /^\d+$/.test(item) ? Number(item) : Number.NaN;
    if (isToken(token)) tokens.add(token);
    else unreadable.push(item);
  }
  return { tokens: [...tokens], unreadable };
}

/** The saved list; the default one on a first visit, or where what was saved cannot be read. @returns {number[]} */
export function loadTokens() {
  try {
    const saved = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? 'null');
    if (Array.isArray(saved)) return [...new Set(saved.filter(isToken))].slice(0, WATCHLIST_ROWS_MAX);
  } catch {
    // Storage that is switched off or was edited by hand costs the list, not the page.
  }
  return DEFAULT_TOKENS;
}

/** @param {Iterable<number>} tokens */
export function saveTokens(tokens) {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify([...tokens]));
  } catch {
    // The same: the list then lasts as long as the page.
  }
}
