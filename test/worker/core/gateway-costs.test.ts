// What a shard reports of its gateways' room: the busiest one, by what is known of late, and only of those it has.
import { expect, test } from 'vitest';
import {
  FLUSH_COST_AGE_MS_MAX,
  FLUSH_COST_MS_MAX,
  SHARD_GATEWAYS_MAX,
  SHARD_PUSH_MS_MAX,
} from '../../../shared/limits.ts';
import { GatewayCosts } from '../../../worker/core/gateway-costs.ts';

const START_MS = 1_764_000_000_000;

function costsOf(costs: Readonly<Record<string, number>>): GatewayCosts {
  const known = new GatewayCosts();
  for (const [gateway, costMs] of Object.entries(costs)) {
    known.pushBegins(gateway, START_MS);
    known.pushEnds(gateway, costMs, START_MS);
  }
  return known;
}

test('the busiest gateway counts, of those that the shard has', () => {
  const costs = costsOf({ near: 1.5, busy: 30 });
  expect(costs.maxMs(['near', 'busy'], START_MS)).toBe(30);
  // Whoever has nothing registered any more is pushed nothing.
  expect(costs.maxMs(['near'], START_MS)).toBe(1.5);
  expect(costs.maxMs([], START_MS)).toBe(0);
  expect(new GatewayCosts().maxMs(['new'], START_MS)).toBe(0);
});

test('the latest answer counts, and none that is old', () => {
  const costs = costsOf({ gw: 30 });
  costs.pushEnds('gw', 2, START_MS + 100);
  expect(costs.maxMs(['gw'], START_MS + 100)).toBe(2);
  expect(costs.maxMs(['gw'], START_MS + 100 + FLUSH_COST_AGE_MS_MAX)).toBe(2);
  expect(costs.maxMs(['gw'], START_MS + 101 + FLUSH_COST_AGE_MS_MAX)).toBe(0);
  expect(costs.maxMs(['gw'], START_MS - 3_600_000)).toBe(2);
});

test('a push under way is no sign of a load until it has taken longer than any distance', () => {
  const costs = costsOf({ far: 4 });
  costs.pushBegins('far', START_MS);
  expect(costs.maxMs(['far'], START_MS + SHARD_PUSH_MS_MAX)).toBe(4);
  expect(costs.maxMs(['far'], START_MS + SHARD_PUSH_MS_MAX + 1)).toBe(FLUSH_COST_MS_MAX);
  expect(costs.maxMs(['other'], START_MS + SHARD_PUSH_MS_MAX + 1)).toBe(0);
  costs.pushEnds('far', 5, START_MS + 900);
  expect(costs.maxMs(['far'], START_MS + 900)).toBe(5);
});

test('a push that failed is under way no more', () => {
  const costs = new GatewayCosts();
  costs.pushBegins('gone', START_MS);
  costs.pushFails('gone');
  expect(costs.maxMs(['gone'], START_MS + 10 * SHARD_PUSH_MS_MAX)).toBe(0);
});

test('a gateway that does not say what it costs has no room', () => {
  const costs = new GatewayCosts();
  costs.pushEnds('older', undefined, START_MS);
  expect(costs.maxMs(['older'], START_MS)).toBe(FLUSH_COST_MS_MAX);
});

test('the last of as many gateways as there may be counts too', () => {
  const names = Array.from({ length: SHARD_GATEWAYS_MAX }, (_, i) => `gw:${i}`);
  const costs = costsOf(Object.fromEntries(names.map((name, i) => [name, i])));
  expect(costs.maxMs(names, START_MS)).toBe(SHARD_GATEWAYS_MAX - 1);
});
