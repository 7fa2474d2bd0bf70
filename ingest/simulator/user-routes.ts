// Login, session and profile (kite.trade/docs/connect/v3/user).
import { z } from 'zod';
import type { AccessSession, SimulatedAccount } from './account-sessions.ts';
import { istStamp } from './core/expiry-calendar.ts';
import { inputError, tokenError } from './kite-error.ts';
import { dataReply, type RestCall, type RestReply, type RestRoute } from './rest-route.ts';

const sessionForm = z.object({
  api_key: z.string().min(1),
  request_token: z.string().min(1),
  checksum: z.string().min(1),
});

function profileOf(account: SimulatedAccount): object {
  const name = `Simulated User ${account.userId}`;
  return {
    user_id: account.userId,
    user_type: 'individual',
    email: 'user@simulator.invalid',
    user_name: name,
    user_shortname: name,
    broker: 'ZERODHA',
    exchanges: ['NSE', 'NFO', 'BSE'],
    products: ['CNC', 'NRML', 'MIS'],
    order_types: ['MARKET', 'LIMIT', 'SL', 'SL-M'],
    avatar_url: null,
    meta: { demat_consent: 'consent' },
  };
}

function sessionView(session: AccessSession): object {
  return {
    ...profileOf(session.account),
    api_key: session.account.apiKey,
    access_token: session.accessToken,
    public_token: session.publicToken,
    refresh_token: '',
    login_time: istStamp(session.loginMs),
  };
}

function login(call: RestCall): RestReply {
  const apiKey = call.query.get('api_key');
  if (call.query.get('v') !== '3' || apiKey === null) throw inputError('Missing `v` or `api_key`.');
  const parameters = call.query.get('redirect_params') ?? '';
  return { kind: 'redirect', location: call.sessions.login(apiKey, parameters) };
}

function createSession(call: RestCall): RestReply {
  const form = sessionForm.safeParse(Object.fromEntries(call.form));
  if (!form.success) throw inputError('Missing `api_key`, `request_token` or `checksum`.');
  const { api_key: apiKey, request_token: requestToken, checksum } = form.data;
  return dataReply(sessionView(call.sessions.exchange(apiKey, requestToken, checksum)));
}

function endSession(call: RestCall): RestReply {
  const apiKey = call.query.get('api_key') ?? '';
  const accessToken = call.query.get('access_token') ?? '';
  if (!call.sessions.invalidate(apiKey, accessToken))
    throw tokenError('Incorrect `api_key` or `access_token`.');
  return dataReply(true);
}

export const USER_ROUTES: readonly RestRoute[] = [
  { method: 'GET', path: '/connect/login', requestClass: 'other', isPublic: true, handle: login },
  { method: 'POST', path: '/session/token', requestClass: 'other', isPublic: true, handle: createSession },
  { method: 'DELETE', path: '/session/token', requestClass: 'other', isPublic: true, handle: endSession },
  {
    method: 'GET',
    path: '/user/profile',
    requestClass: 'other',
    isPublic: false,
    handle: (call) => dataReply(profileOf(call.account)),
  },
  {
    method: 'GET',
    path: '/portfolio/holdings',
    requestClass: 'other',
    isPublic: false,
    // Nobody holds anything from the days before.
    handle: () => dataReply([]),
  },
];
