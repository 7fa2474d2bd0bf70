import { describe, expect, test } from 'vitest';
import {
  GATEWAY_FULL_MS,
  GATEWAY_SLOTS_MAX,
  GATEWAY_SOCKETS_MAX,
  GATEWAY_SOCKETS_SOFT_MAX,
} from '../../../shared/limits.ts';
import { GatewayChoice, parseGatewaySlots, REGIONS, regionOf } from '../../../worker/core/gateway-choice.ts';

const NOW_MS = 1_764_000_000_000;

describe('region', () => {
  test.each([
    // Where objects that were created from there without a hint landed, where that was measured.
    ['AS', 'BOM', 'apac-se'],
    ['AS', 'DEL', 'apac-se'],
    ['AS', 'DXB', 'apac-se'],
    ['AS', 'SIN', 'apac-se'],
    ['AS', 'NRT', 'apac-ne'],
    ['AS', 'HKG', 'apac-ne'],
    ['OC', 'SYD', 'oc'],
    ['NA', 'IAD', 'enam'],
    ['NA', 'SJC', 'wnam'],
    ['SA', 'GRU', 'enam'],
    ['EU', 'LHR', 'weur'],
    ['EU', 'WAW', 'eeur'],
    ['AF', 'JNB', 'weur'],
    ['AN', 'XXX', 'apac-se'],
    [undefined, undefined, 'apac-se'],
  ])('%s %s is %s', (continent, colo, region) => {
    expect(regionOf({ continent, colo })).toBe(region);
  });
  test('of a request without a place', () => expect(regionOf(undefined)).toBe('apac-se'));
});

describe('slots per region', () => {
  test('are one where nothing is said', () => {
    expect([...parseGatewaySlots(undefined)]).toEqual([]);
    expect([...parseGatewaySlots('apac-se=4, weur=8')]).toEqual([
      ['apac-se', 4],
      ['weur', 8],
    ]);
  });
  test.each(['apac-se', 'apac-se=0', `apac-se=${GATEWAY_SLOTS_MAX + 1}`, 'me=2', 'apac-se=1.5', '=1'])(
    '%s is refused by name',
    (text) =>
      expect(() => parseGatewaySlots(`weur=1 ${text}`)).toThrow(`GATEWAY_SLOTS: ${JSON.stringify(text)}`),
  );
});

describe('candidates', () => {
  test('all slots to the soft limit, then all to the hard one, each once', () => {
    const candidates = [...new GatewayChoice().candidates('weur', 'user_1', NOW_MS)];
    expect(candidates.map(({ socketsMax }) => socketsMax)).toEqual([
      ...Array(GATEWAY_SLOTS_MAX).fill(GATEWAY_SOCKETS_SOFT_MAX),
      ...Array(GATEWAY_SLOTS_MAX).fill(GATEWAY_SOCKETS_MAX),
    ]);
    const slots = candidates.slice(0, GATEWAY_SLOTS_MAX).map(({ slot }) => slot);
    expect([...slots].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(slots[0]).toBe(0);
    expect(candidates.every(({ region }) => region === 'weur')).toBe(true);
  });

  test('a user comes to the same gateway from every Worker, users spread evenly over those of the region', () => {
    const slots = parseGatewaySlots('apac-se=4');
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4_000; i++) {
      const first = [...new GatewayChoice(slots).candidates('apac-se', `user_${i}`, NOW_MS)][0]?.slot ?? -1;
      expect([...new GatewayChoice(slots).candidates('apac-se', `user_${i}`, NOW_MS + 1)][0]?.slot).toBe(
        first,
      );
      counts[first] = (counts[first] ?? 0) + 1;
    }
    // Far outside of what an even hash gives by chance (1,000 each, standard deviation 27).
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
    for (const region of REGIONS.filter((name) => name !== 'apac-se')) {
      expect([...new GatewayChoice(slots).candidates(region, 'user_3', NOW_MS)][0]?.slot).toBe(0);
    }
  });

  test('a gateway that was full is left out for a moment, to that limit only', () => {
    const choice = new GatewayChoice();
    const [first, second] = choice.candidates('weur', 'u', NOW_MS);
    choice.noteFull(first!, NOW_MS);
    const names = (nowMs: number) =>
      [...choice.candidates('weur', 'u', nowMs)].map(({ slot, socketsMax }) => `${slot}:${socketsMax}`);
    expect(names(NOW_MS)[0]).toBe(`${second?.slot}:${GATEWAY_SOCKETS_SOFT_MAX}`);
    expect(names(NOW_MS)).toContain(`0:${GATEWAY_SOCKETS_MAX}`);
    expect(names(NOW_MS + GATEWAY_FULL_MS - 1)).toHaveLength(2 * GATEWAY_SLOTS_MAX - 1);
    expect(names(NOW_MS + GATEWAY_FULL_MS)).toHaveLength(2 * GATEWAY_SLOTS_MAX);
    expect([...choice.candidates('oc', 'u', NOW_MS)]).toHaveLength(2 * GATEWAY_SLOTS_MAX);
  });

  test('none are left when all are full to the hard limit', () => {
    const choice = new GatewayChoice();
    for (const candidate of choice.candidates('weur', 'u', NOW_MS)) choice.noteFull(candidate, NOW_MS);
    expect([...choice.candidates('weur', 'u', NOW_MS)]).toEqual([]);
  });
});
