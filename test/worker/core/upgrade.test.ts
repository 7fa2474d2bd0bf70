import { expect, test } from 'vitest';
import { readUpgrade, type Upgrade, upgradeHeaders } from '../../../worker/core/upgrade.ts';

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
  { bearer: BEARER, subprotocol: 'ticker.json', address: '2001:db8::1', socketsMax: 1_000 },
  { bearer: BEARER, socketsMax: 2_000 },
  { socketsMax: 1 },
])('what is written is read', (upgrade) => {
  expect(readUpgrade(new Headers(upgradeHeaders(upgrade)))).toEqual(upgrade);
});
