import { expect, test } from 'vitest';
import { readUpgrade, type Upgrade, writeUpgrade } from '../../../worker/core/upgrade.ts';

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
  const headers = new Headers();
  writeUpgrade(headers, upgrade);
  expect(readUpgrade(headers)).toEqual(upgrade);
});

test('headers that a client has sent under these names are gone, also where nothing takes their place', () => {
  const first = new Headers();
  writeUpgrade(first, { bearer: BEARER, subprotocol: 'x', address: '1.1.1.1', socketsMax: 9 });
  const forged = new Headers([...first, ['x-other', 'kept']]);
  writeUpgrade(forged, { socketsMax: 1_000 });
  expect(readUpgrade(forged)).toEqual({ socketsMax: 1_000 });
  expect(forged.get('x-other')).toBe('kept');
});
