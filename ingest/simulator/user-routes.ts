// Login, session, profile, margins and the books of an account that has not traded (kite.trade/docs/connect/v3/user).
import { z } from 'zod';
import type { AccessSession, SimulatedAccount } from './account-sessions.ts';
import { istStamp } from './core/expiry-calendar.ts';
import { inputError, tokenError } from './kite-error.ts';
import {
  type AuthenticatedCall,
  dataReply,
  type RestCall,
  type RestReply,
  type RestRoute,
} from './rest-route.ts';

/** Cash of every simulated account, in rupees. */
const OPENING_CASH = 1_000_000;

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

function segmentMargins(cash: number): object {
  return {
    enabled: true,
    net: cash,
    available: {
      adhoc_margin: 0,
      cash,
      opening_balance: cash,
      live_balance: cash,
      collateral: 0,
      intraday_payin: 0,
    },
    utilised: {
      debits: 0,
      exposure: 0,
      m2m_realised: 0,
      m2m_unrealised: 0,
      option_premium: 0,
      payout: 0,
      span: 0,
      holding_sales: 0,
      turnover: 0,
      liquid_collateral: 0,
      stock_collateral: 0,
      delivery: 0,
    },
  };
}

const MARGINS: Readonly<Record<string, object>> = {
  equity: segmentMargins(OPENING_CASH),
  commodity: segmentMargins(0),
};

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

function margins(call: AuthenticatedCall): RestReply {
  const segment = call.path.segment;
  if (segment === undefined) return dataReply(MARGINS);
  const one = Object.hasOwn(MARGINS, segment) ? MARGINS[segment] : undefined;
  if (one === undefined) throw inputError(`Invalid segment '${segment}'.`);
  return dataReply(one);
}

/** Books that are empty because nothing can be ordered here yet. */
const EMPTY_LISTS = ['/orders', '/trades', '/portfolio/holdings'];

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
  { method: 'GET', path: '/user/margins', requestClass: 'other', isPublic: false, handle: margins },
  { method: 'GET', path: '/user/margins/:segment', requestClass: 'other', isPublic: false, handle: margins },
  {
    method: 'GET',
    path: '/portfolio/positions',
    requestClass: 'other',
    isPublic: false,
    handle: () => dataReply({ net: [], day: [] }),
  },
  ...EMPTY_LISTS.map(
    (path): RestRoute => ({
      method: 'GET',
      path,
      requestClass: 'other',
      isPublic: false,
      handle: () => dataReply([]),
    }),
  ),
];
