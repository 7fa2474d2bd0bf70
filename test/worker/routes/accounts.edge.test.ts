// /accounts: who may, what is kept and how, what is shown and what never is.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  inject,
  type MockInstance,
  test,
  vi,
} from 'vitest';
import { TRADER, VIEWER } from '../../../dev/demo-users.ts';
import { CredentialVault, parseKeyRing } from '../../../shared/credential-vault.ts';
import {
  ACCOUNT_BODY_BYTES_MAX,
  ACCOUNT_CHANGES_ROWS_MAX,
  CREDENTIAL_CHARS_MAX,
  HEALTH_CACHE_MS,
  KITE_ACCOUNTS_MAX,
} from '../../../shared/limits.ts';
import { app } from '../../../worker/app.ts';
import { apiKeyHmac } from '../../../worker/auth/api-key.ts';
import { ControlLink } from '../../../worker/durable/control-link.ts';
import type { Env } from '../../../worker/env.ts';
import { withDatabase } from '../../../worker/store/db.ts';
import { statusOf } from '../../ingest/support/statuses.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { GOLDEN_ENVELOPE, GOLDEN_PLACE, GOLDEN_RING, GOLDEN_SECRET } from '../../support/golden-envelope.ts';

const WRITE_KEY = `te_${'w'.repeat(43)}`;
const READ_KEY = `te_${'r'.repeat(43)}`;
const testEnv = env as unknown as Env;
const SECRET = 'q1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6';
const TOKEN = 'token-that-nobody-may-see-again0';

const runtime = {
  subtle: crypto.subtle,
  randomBytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)),
};

const sql = <T>(work: Parameters<typeof withDatabase<T>>[2]): Promise<T> =>
  withDatabase(testEnv, createExecutionContext(), work);

interface Call {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly bindings?: Env;
}

async function call(method: string, path: string, options: Call = {}) {
  const { body, headers = { 'x-api-key': WRITE_KEY }, bindings = testEnv } = options;
  const request = new Request(`http://edge${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const context = createExecutionContext();
  const response = await app.fetch(request, bindings, context);
  const text = await response.text();
  await waitOnExecutionContext(context);
  return { status: response.status, text, json: JSON.parse(text) as Record<string, unknown> };
}

const add = (parts: object = {}) =>
  call('POST', '/accounts', { body: { id: 'main', api_key: 'abcd1234wxyz', api_secret: SECRET, ...parts } });

beforeAll(async () => {
  await sql(async (db) => {
    for (const [name, key, scopes] of [
      ['writer', WRITE_KEY, 'accounts:read accounts:write'],
      ['reader', READ_KEY, 'accounts:read'],
    ] as const) {
      const hmac = await apiKeyHmac(key, testEnv.API_KEY_PEPPER);
      await db`
        insert into api_keys (name, key_hmac, scopes) values (${name}, ${hmac}, string_to_array(${scopes}, ' '))`;
    }
  });
});
let wake: MockInstance<ControlLink['wake']>;
beforeEach(async () => {
  wake = vi.spyOn(ControlLink.prototype, 'wake').mockReturnValue(true);
  await sql((db) => db`truncate accounts, account_changes`);
});
afterEach(() => void vi.restoreAllMocks());

describe('who may', () => {
  const bearer = async (user: typeof TRADER) => ({ authorization: `Bearer ${await mintToken({}, user)}` });

  test.each<[string, string, () => Promise<Record<string, string>>, number, string | undefined]>([
    ['GET', 'nobody', async () => ({}), 401, 'missing_token'],
    ['POST', 'nobody', async () => ({}), 401, 'missing_token'],
    ['GET', 'a key with the scope', async () => ({ 'x-api-key': READ_KEY }), 200, undefined],
    ['POST', 'a key without the scope', async () => ({ 'x-api-key': READ_KEY }), 403, 'forbidden'],
    [
      'POST',
      'a key that is none',
      async () => ({ 'x-api-key': `te_${'x'.repeat(43)}` }),
      401,
      'invalid_api_key',
    ],
    ['GET', 'a user with the permission', () => bearer(TRADER), 200, undefined],
    ['GET', 'a user without it', () => bearer(VIEWER), 403, 'forbidden'],
    ['POST', 'a user without it', () => bearer(VIEWER), 403, 'forbidden'],
  ])('%s by %s', async (method, _, headers, status, code) => {
    const body = method === 'POST' ? { id: 'a', api_key: 'k', api_secret: 's' } : undefined;
    const answer = await call(method, '/accounts', { headers: await headers(), body });
    expect([answer.status, answer.json.code]).toEqual([status, code]);
  });

  test('every other route asks as well', async () => {
    for (const [method, path] of [
      ['GET', '/accounts/main'],
      ['PATCH', '/accounts/main'],
      ['DELETE', '/accounts/main'],
      ['GET', '/accounts/main/changes'],
    ] as const) {
      const headers = { authorization: `Bearer ${await mintToken({}, VIEWER)}` };
      expect((await call(method, path, { headers })).json.code).toBe('forbidden');
    }
  });

  test('the record of changes says who it was', async () => {
    await add();
    const headers = await bearer(TRADER);
    await call('PATCH', '/accounts/main', { headers, body: { enabled: false } });
    const { changes } = (await call('GET', '/accounts/main/changes')).json as {
      changes: { changed_by: string; action: string; detail: object; changed_at: string }[];
    };
    expect(changes.map(({ changed_by, action, detail }) => [changed_by, action, detail])).toEqual([
      [`user:${TRADER.userId}`, 'changed', { enabled: false }],
      ['key:writer', 'added', { api_key: 'set', api_secret: 'set' }],
    ]);
    expect(Date.parse(changes[0]?.changed_at ?? '')).toBeGreaterThan(0);
  });
});

describe('an account', () => {
  test('is added, with its credentials sealed for its row, and shown without them', async () => {
    const added = await add({ access_token: TOKEN, user_id: 'AB1234', connections_max: 2 });
    expect(added.status).toBe(201);
    expect(added.json).toEqual({
      id: 'main',
      api_key_ends: 'wxyz',
      user_id: 'AB1234',
      enabled: true,
      connections_max: 2,
      instruments_max: 3_000,
      has_secret: true,
      has_token: true,
      token_issued_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/),
      // 06:00 in India.
      token_expires_at: expect.stringMatching(/T00:30:00\.000Z$/),
      created_at: expect.any(String),
      updated_at: expect.any(String),
      state: 'unknown',
      sockets: [],
      capacity: { instruments: 6_000, used: 0, free: 6_000 },
    });
    const [row] = await sql(
      (db) => db<{ api_secret: string; access_token: string }[]>`select * from accounts`,
    );
    const vault = new CredentialVault(parseKeyRing(inject('edge').credentialsKeys), runtime);
    const place = { accountId: 'main', column: 'api_secret' } as const;
    expect(await vault.open(row?.api_secret ?? '', place)).toBe(SECRET);
    expect(await vault.open(row?.access_token ?? '', { ...place, column: 'access_token' })).toBe(TOKEN);
    await expect(vault.open(row?.access_token ?? '', place)).rejects.toThrow(/does not open/);
    const shown = [
      added,
      await call('GET', '/accounts'),
      await call('GET', '/accounts/main'),
      await call('GET', '/accounts/main/changes'),
    ];
    for (const { text } of shown) expect(text).not.toMatch(new RegExp(`${SECRET}|${TOKEN}|abcd1234|v1\\.`));
  });

  test('is changed in what is given, and in nothing else', async () => {
    await add();
    const { json } = await call('PATCH', '/accounts/main', {
      body: { enabled: false, instruments_max: 500, user_id: null },
    });
    expect(json).toMatchObject({
      enabled: false,
      state: 'disabled',
      connections_max: 3,
      instruments_max: 500,
      has_token: false,
      capacity: { instruments: 0, used: 0, free: 0 },
    });
    const before = await sql((db) => db<{ api_secret: string }[]>`select api_secret from accounts`);
    await call('PATCH', '/accounts/main', { body: { enabled: true } });
    expect(await sql((db) => db`select api_secret from accounts`)).toEqual(before);
    await call('PATCH', '/accounts/main', { body: { api_secret: 'another' } });
    expect(await sql((db) => db`select api_secret from accounts`)).not.toEqual(before);
  });

  test('is deleted with its credentials; what was done with it stays known', async () => {
    await add();
    expect((await call('DELETE', '/accounts/main')).json).toEqual({ id: 'main', deleted: true });
    expect((await call('DELETE', '/accounts/main')).json.code).toBe('not_found');
    expect((await call('GET', '/accounts/main')).json).toEqual({
      status: 'error',
      code: 'not_found',
      message: 'no account is called "main"',
    });
    expect(((await call('GET', '/accounts/main/changes')).json.changes as unknown[]).length).toBe(2);
    expect((await call('GET', '/accounts/other/changes')).status).toBe(404);
    expect((await add()).status).toBe(201);
  });

  test('is there once: by its id, and by its app, whose sockets two would take from each other', async () => {
    await add();
    expect((await add({ api_key: 'other' })).json).toEqual({
      status: 'error',
      code: 'account_exists',
      message: 'id: there is an account main already',
    });
    expect((await add({ id: 'second' })).json).toMatchObject({
      code: 'account_exists',
      message: 'api_key: another account has it already',
    });
    expect(((await call('GET', '/accounts')).json.accounts as unknown[]).length).toBe(1);
    expect(await sql((db) => db`select count(*)::int as n from account_changes`)).toEqual([{ n: 1 }]);
  });

  test('is one of a bounded number, also when many are added at once', async () => {
    await sql(
      (db) => db`
        insert into accounts (id, api_key)
        select 'a' || n, 'key' || n from generate_series(1, ${KITE_ACCOUNTS_MAX - 2}::int) as n`,
    );
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => add({ id: `new${n}`, api_key: `new${n}` })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.json).toMatchObject({
      code: 'account_limit',
      message: `there are ${KITE_ACCOUNTS_MAX} accounts already, the most that may be`,
    });
  });
});

test('of very many changes the latest are told', async () => {
  await add();
  await sql(
    (db) => db`
      insert into account_changes (account_id, changed_by, action, detail)
      select 'main', 'key:loop', 'changed', jsonb_build_object('n', n)
      from generate_series(1, ${ACCOUNT_CHANGES_ROWS_MAX + 5}::int) as n`,
  );
  const { changes } = (await call('GET', '/accounts/main/changes')).json as { changes: { detail: object }[] };
  expect([changes.length, changes[0]?.detail]).toEqual([
    ACCOUNT_CHANGES_ROWS_MAX,
    { n: ACCOUNT_CHANGES_ROWS_MAX + 5 },
  ]);
});

test('the sidecar is woken by every change, and by nothing else', async () => {
  await add();
  await call('PATCH', '/accounts/main', { body: { enabled: false } });
  await call('DELETE', '/accounts/main');
  expect(wake.mock.calls).toEqual(Array(3).fill(['accounts_changed']));
  await call('DELETE', '/accounts/main');
  await call('GET', '/accounts');
  await add({ api_secret: '' });
  expect(wake).toHaveBeenCalledTimes(3);
});

describe('refused, with the field and without the value:', () => {
  const good = { id: 'main', api_key: 'abcd1234', api_secret: SECRET };

  test.each<[string, unknown, number, string]>([
    ['no JSON', `{"api_secret":"${SECRET}"`, 400, 'body is not JSON in UTF-8'],
    ['no object', [1], 400, 'body: Invalid input: expected object, received array'],
    ['no secret', { ...good, api_secret: undefined }, 400, 'api_secret: Invalid input: expected string'],
    ['an empty secret', { ...good, api_secret: '' }, 400, 'api_secret: must be printable'],
    ['a secret with a line break', { ...good, api_secret: 'a\nb' }, 400, 'api_secret: must be printable'],
    [
      'a long secret',
      { ...good, api_secret: 'x'.repeat(CREDENTIAL_CHARS_MAX + 1) },
      400,
      'api_secret: Too big',
    ],
    ['an id with a slash', { ...good, id: 'a/b' }, 400, 'id: must be 1 to 32'],
    ['a long id', { ...good, id: 'a'.repeat(33) }, 400, 'id: must be 1 to 32'],
    ['a key with blanks', { ...good, api_key: 'a b' }, 400, 'api_key: must be'],
    ['a fourth socket', { ...good, connections_max: 4 }, 400, 'connections_max: Too big'],
    ['no instruments', { ...good, instruments_max: 0 }, 400, 'instruments_max: Too small'],
    ['half an instrument', { ...good, instruments_max: 1.5 }, 400, 'instruments_max: '],
    ['a user that is none', { ...good, user_id: 'a b' }, 400, 'user_id: must be a user id'],
    ['enabled in words', { ...good, enabled: 'yes' }, 400, 'enabled: Invalid input'],
    ['a field that is not known', { ...good, secret: SECRET }, 400, 'body: Unrecognized key: "secret"'],
    [
      'several at once',
      { ...good, id: '', enabled: 1 },
      400,
      'id: must be 1 to 32 of a-z, 0-9, _ and -, and not start with a sign; enabled: ',
    ],
    ['a large body', { ...good, api_key: 'x'.repeat(ACCOUNT_BODY_BYTES_MAX) }, 413, 'body of '],
  ])('%s', async (_, body, status, message) => {
    const answer = await call('POST', '/accounts', { body });
    expect(answer.status).toBe(status);
    expect(answer.json.message).toContain(message);
    expect(answer.text).not.toContain(SECRET);
    expect(await sql((db) => db`select id from accounts`)).toEqual([]);
  });

  test('a change of nothing, of the app, or of an account that is not there', async () => {
    await add();
    const patch = async (id: string, body: unknown) => {
      const { status, json } = await call('PATCH', `/accounts/${id}`, { body });
      return [status, json.message];
    };
    expect(await patch('main', {})).toEqual([400, 'body: names nothing to change']);
    expect(await patch('main', { api_key: 'x' })).toEqual([400, 'body: Unrecognized key: "api_key"']);
    expect(await patch('other', { enabled: false })).toEqual([404, 'no account is called "other"']);
    expect(await patch('A%20B', { enabled: false })).toEqual([404, 'no account is called "A B"']);
  });

  test('while the edge has no keys, or others than a key ring; what needs none goes on', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await add();
    for (const keys of [undefined, '', 'k1:short']) {
      const bindings = { ...testEnv, CREDENTIALS_KEYS: keys } as Env;
      const body = { id: 'second', api_key: 'k2', api_secret: SECRET };
      const answer = await call('POST', '/accounts', { body, bindings });
      expect([answer.status, answer.json.code]).toEqual([503, 'credentials_unavailable']);
      expect((await call('PATCH', '/accounts/main', { body: { enabled: true }, bindings })).status).toBe(200);
    }
    expect(logged.mock.calls.join()).not.toContain('short');
  });

  test('nothing, while the object that knows the sidecar does not answer', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const overloaded = () => Promise.reject(new Error('overloaded'));
    const broken = { getByName: () => ({ reported: overloaded, wake: overloaded }) };
    const bindings = { ...testEnv, CONTROL_LINK: broken } as unknown as Env;
    const answer = await call('POST', '/accounts', { body: good, bindings });
    expect([answer.status, answer.json.state]).toEqual([201, 'unknown']);
    expect(warned).toHaveBeenCalledTimes(2);
  });

  test('while the database is away', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const bindings = {
      ...testEnv,
      DB: { connectionString: 'postgres://u:p@127.0.0.1:1/none' },
    } as unknown as Env;
    const headers = { authorization: `Bearer ${await mintToken()}` };
    const answers = [
      await call('GET', '/accounts', { headers, bindings }),
      await call('POST', '/accounts', { headers, bindings, body: good }),
      await call('DELETE', '/accounts/main', { headers, bindings }),
    ];
    expect(answers.map(({ status, json }) => [status, json.code])).toEqual(
      Array(3).fill([503, 'database_unavailable']),
    );
  });
});

describe('with a sidecar', () => {
  const STATUS = statusOf({
    accounts: [
      {
        id: 'main',
        state: 'ok',
        capacity: 9_000,
        instruments: 3_442,
        room: 5_558,
        sockets: [
          { state: 'open', instruments: 3_000, reconnects: 0 },
          { state: 'open', instruments: 442, reconnects: 2 },
        ],
        login: {
          state: 'valid',
          issued_at: 1_764_000_000_000,
          expires_at: 1_764_030_000_000,
          warning: 'expires_soon',
        },
      },
      {
        id: 'primary',
        state: 'unauthorized',
        capacity: 9_000,
        instruments: 0,
        room: 0,
        sockets: [],
        login: { state: 'refused' },
      },
    ],
  });

  const sidecar = new TestSidecar();
  async function report(status: unknown): Promise<number> {
    const body = Uint8Array.from(new TextEncoder().encode(JSON.stringify(status)));
    const request = await sidecar.request('/ingest/status', body, sidecar.nextTime());
    const response = await exports.default.fetch(request);
    await response.body?.cancel();
    return response.status;
  }

  test('an account shows its state, its login, and what of its capacity is used', async () => {
    await add();
    expect(await report(STATUS)).toBe(200);
    const { json } = await call('GET', '/accounts');
    expect(json.accounts).toMatchObject([
      {
        id: 'main',
        state: 'ok',
        login: 'valid',
        warning: 'expires_soon',
        sockets: [{ instruments: 3_000 }, { instruments: 442 }],
        capacity: { instruments: 9_000, used: 3_442, free: 5_558 },
      },
    ]);
    // What the sidecar has from its own environment.
    expect(json.unlisted).toMatchObject([
      { id: 'primary', state: 'unauthorized', login: { state: 'refused' } },
    ]);
    expect((await call('GET', '/accounts/main')).json).toMatchObject({ state: 'ok', login: 'valid' });
  });

  test('what an old report says is not shown as the present', async () => {
    await add();
    await report(STATUS);
    const later = Date.now() + 60_000;
    vi.spyOn(Date, 'now').mockImplementation(() => later);
    // The token of the caller would be too old then, the key is not.
    const { json } = await call('GET', '/accounts');
    expect(json).toMatchObject({ accounts: [{ state: 'unknown', sockets: [] }], unlisted: [] });
  });

  test('health shows the logins without secrets, and is degraded while one is needed', async () => {
    const realNow = Date.now.bind(Date);
    let laterMs = 0;
    const health = async () => {
      // The last answer is old by then.
      laterMs += HEALTH_CACHE_MS;
      vi.spyOn(Date, 'now').mockImplementation(() => realNow() + laterMs);
      const response = await exports.default.fetch('http://edge/health');
      return (await response.json()) as { status: string; ticker: { accounts: unknown } };
    };
    const [main] = STATUS.accounts;
    if (!main) throw new Error('no account');
    await report({ ...STATUS, accounts: [main] });
    expect(await health()).toMatchObject({ status: 'ok', ticker: { accounts: [main] } });
    for (const state of ['missing', 'unreadable', 'refused'] as const) {
      await report({ ...STATUS, accounts: [main, { ...main, id: 'second', login: { state } }] });
      expect([state, (await health()).status]).toEqual([state, 'degraded']);
      await report({ ...STATUS, accounts: [main, { ...main, state: 'disabled', login: { state } }] });
      expect([state, (await health()).status]).toEqual([state, 'ok']);
    }
    await report({ ...STATUS, accounts: [main, { ...main, id: 'second', login: { state: 'unverified' } }] });
    expect((await health()).status).toBe('ok');
    const metrics = await (await exports.default.fetch('http://edge/metrics')).text();
    expect(metrics).toContain('kite_account_logged_in{account="main"} 1');
    expect(metrics).toContain('kite_account_logged_in{account="second"} 0');
  });

  test('a report with a login that is none is refused', async () => {
    const [main] = STATUS.accounts;
    expect(await report({ ...STATUS, accounts: [{ ...main, login: { state: 'fine' } }] })).toBe(400);
    const full = Array.from({ length: KITE_ACCOUNTS_MAX }, (_, i) => ({ ...main, id: `a${i}` }));
    expect(await report({ ...STATUS, accounts: full })).toBe(200);
    expect(await report({ ...STATUS, accounts: [...full, main] })).toBe(400);
  });
});

test('an envelope that Node has sealed opens here', async () => {
  const vault = new CredentialVault(parseKeyRing(GOLDEN_RING), runtime);
  expect(await vault.open(GOLDEN_ENVELOPE, GOLDEN_PLACE)).toBe(GOLDEN_SECRET);
});
