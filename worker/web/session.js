// Who the user is: the token from the address bar or an earlier page of this tab, and the sign-in that gets a new one.
import { SIGN_IN_MS_MAX } from './limits.js';

const STORAGE_KEY = 'session.token';

/** The token of `#token=...`, which leaves the address bar and the history at once; else this tab's. */
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return sessionStorage.getItem(STORAGE_KEY);
  history.replaceState(null, '', location.pathname + location.search);
  sessionStorage.setItem(STORAGE_KEY, token);
  return token;
}

export function forgetToken() {
  sessionStorage.removeItem(STORAGE_KEY);
}

/**
 * Gets a token from the user service and keeps it for this tab.
 *
 * @param {string} email
 * @param {string} password
 * @returns {Promise<string>}
 * @throws {Error} with a message for the user
 */
export async function signIn(email, password) {
  const { user_service: userService } = await fetchJson('/page.json', {}, 'This server');
  const url = new URL('/v1/auth/login', userService);
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  };
  const { access_token: token } = await fetchJson(url, request, `The user service at ${url.host}`);
  if (typeof token !== 'string') throw new Error(`The user service at ${url.host} gave no token.`);
  sessionStorage.setItem(STORAGE_KEY, token);
  return token;
}

/** @param {string | URL} url @param {RequestInit} request @param {string} who */
async function fetchJson(url, request, who) {
  let response;
  try {
    response = await fetch(url, { ...request, signal: AbortSignal.timeout(SIGN_IN_MS_MAX) });
  } catch {
    throw new Error(`${who} does not answer.`);
  }
  if (response.status === 401) throw new Error('Email or password is wrong.');
  if (!response.ok) throw new Error(`${who} answered with status ${response.status}.`);
  try {
    return await response.json();
  } catch {
    throw new Error(`${who} gave an answer that is not JSON.`);
  }
}
