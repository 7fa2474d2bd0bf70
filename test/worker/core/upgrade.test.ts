import { expect, test } from 'vitest';
import { DIALECT_NAMES } from '../../../worker/core/dialect-name.ts';
import {
  readUpgrade,
  type Upgrade,
  upgradeAnswerHeaders,
  upgradeHeaders,
} from '../../../worker/core/upgrade.ts';

const BEARER = {
  userId: 'उपयोगकर्ता, 1',
  email: 'a@example.com',
  name: 'नाम "quoted"\n',
  roles: ['trader'],
  permissions: [],
  expiresAtS: 1_764_003_600,
  issuedAtS: 1_764_000_000,
};

test.each<Upgrade>([
  {
    dialect: 'native-binary',
    bearer: BEARER,
    subprotocol: 'ticker.v1',
    address: '2001:db8::1',
    socketsMax: 1_000,
  },
  { dialect: 'native-json', bearer: BEARER, socketsMax: 2_000 },
  { dialect: 'native-json-batched', socketsMax: 1 },
])('what is written is read', (upgrade) => {
  expect(readUpgrade(new Headers(upgradeHeaders(upgrade)))).toEqual(upgrade);
});

test('compression is refused where ticks are binary, by an extension that nobody offers', () => {
  const headers = DIALECT_NAMES.map((dialect) => [dialect, upgradeAnswerHeaders({ dialect, socketsMax: 1 })]);
  expect(Object.fromEntries(headers)).toEqual({
    'native-json': {},
    'native-json-batched': {},
    'native-binary': { 'sec-websocket-extensions': 'none' },
    kite: { 'sec-websocket-extensions': 'none' },
  });
});
