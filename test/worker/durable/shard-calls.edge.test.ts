// A gateway's calls to a real shard, with answers that come late.
import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { shardName, shardOf } from '../../../shared/shard.ts';
import { GatewayBook } from '../../../worker/core/gateway-book.ts';
import type { InterestItem } from '../../../worker/core/interest.ts';
import { Outlet } from '../../../worker/core/outlet.ts';
import { ShardCalls } from '../../../worker/durable/shard-calls.ts';
import type { Env } from '../../../worker/env.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';

const RELIANCE = 738561 as InstrumentToken;
const SHARD = shardOf(RELIANCE);
const GATEWAY = 'gw:apac-se:9';

/** A book's calls to the shard, whose answer to the first registration is given and then on its way until `arrive`. */
function callsWithLateAnswer(book: GatewayBook) {
  const shard = env.INSTRUMENT_SHARD.getByName(shardName(SHARD));
  let arrive: () => void = () => undefined;
  const arrival = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  let give: () => void = () => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  const stub = {
    resync: (gateway: string, items: InterestItem[]) => shard.resync(gateway, items),
    async register(gateway: string, items: InterestItem[]) {
      const answer = await shard.register(gateway, items);
      give();
      await arrival;
      return answer;
    },
  };
  const late = { INSTRUMENT_SHARD: { getByName: () => stub } } as unknown as Env;
  return { calls: new ShardCalls(late, GATEWAY, book, () => undefined), given, arrive };
}

test('a shard that is told of less wants less, also after a loss of its memory', async () => {
  const token = (RELIANCE + 256 * 64) as InstrumentToken;
  const index = shardOf(token);
  const shard = env.INSTRUMENT_SHARD.getByName(shardName(index));
  const calls = new ShardCalls(env as unknown as Env, GATEWAY, new GatewayBook(), () => undefined);
  const sidecar = new TestSidecar();
  await shard.register(GATEWAY, [[token, 3]]);
  await calls.tell([{ shard: index, lower: [[token, 1]], release: [] }]);
  await sidecar.post(index);
  expect(sidecar.demand(index).get(token)).toBe('ltp');
  await evictDurableObject(shard);
  await sidecar.post(index);
  expect(sidecar.demand(index).get(token)).toBe('ltp');
});

test('an instrument that was struck after its registration was answered is refused, however late that answer is', async () => {
  const book = new GatewayBook();
  const { calls, given, arrive } = callsWithLateAnswer(book);
  const port = { send: () => undefined, bufferedBytes: () => 0 };
  const session = book.openSession(new Outlet({ kind: 'messages', encodeTick: () => '' }, () => '', port));
  const plan = book.planSubscribe(session, [{ token: RELIANCE, rank: 3, speed: 'rt' }]);
  const refusals = calls.register(plan.contacts);
  // The shard has just started and knows of nothing against the instrument. Then comes the day's list.
  await given;
  await new TestSidecar().post(SHARD, { known: [RELIANCE + 256] });
  // The push that tells of it is missed, and the next one finds the gap.
  expect(await calls.resync(SHARD)).toBe(true);
  arrive();
  expect(await refusals).toEqual(new Map([[RELIANCE, 'unknown_instrument']]));
});
