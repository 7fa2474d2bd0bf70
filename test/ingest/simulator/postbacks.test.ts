// Postbacks: to whom, of what, and how many wait for an answer.
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OrderUpdate } from '../../../ingest/simulator/core/orders/order.ts';
import { Postbacks } from '../../../ingest/simulator/postbacks.ts';
import { SIMULATOR_POSTBACKS_AT_ONCE_MAX } from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { bookOn, ModelMarket, NOON_MS, placed } from './core/orders/model-market.ts';

const account = { apiKey: 'key', apiSecret: 'secret', accessToken: 'token', userId: 'AB1234' };

let receiver: Server;
let url: string;
const waiting: ServerResponse[] = [];
const statuses: string[] = [];
beforeEach(async () => {
  receiver = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    statuses.push((JSON.parse(text) as { status: string }).status);
    waiting.push(response);
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const address = receiver.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`;
});
afterEach(() => {
  receiver.closeAllConnections();
  receiver.close();
  waiting.length = 0;
  statuses.length = 0;
});

/** OPEN and COMPLETE of an order that came through the app. */
function updatesOf(appId: string): OrderUpdate[] {
  const book = bookOn(new ModelMarket());
  placed(book, { price: 801, appId });
  return book.advance(NOON_MS + 100);
}

test('only of orders of the app, and not of OPEN', async () => {
  const postbacks = new Postbacks(url, [account]);
  for (const update of [...updatesOf('another'), ...updatesOf('key')]) postbacks.send(update);
  await eventually(() => expect(statuses).toEqual(['COMPLETE']));
  postbacks.stop();
});

test('so many at once; an answer makes room, and so does the end of the wait', async () => {
  const [, complete] = updatesOf('key');
  const postbacks = new Postbacks(url, [account]);
  for (let i = 0; i < SIMULATOR_POSTBACKS_AT_ONCE_MAX + 5; i++) postbacks.send(complete!);
  await eventually(() => expect(statuses).toHaveLength(SIMULATOR_POSTBACKS_AT_ONCE_MAX));
  waiting[0]?.end();
  await eventually(() => {
    postbacks.send(complete!);
    expect(statuses).toHaveLength(SIMULATOR_POSTBACKS_AT_ONCE_MAX + 1);
  });
  postbacks.stop();
  const hasty = new Postbacks(url, [account], 20);
  for (let i = 0; i < SIMULATOR_POSTBACKS_AT_ONCE_MAX; i++) hasty.send(complete!);
  const before = statuses.length;
  await eventually(() => {
    hasty.send(complete!);
    expect(statuses.length).toBeGreaterThan(before + SIMULATOR_POSTBACKS_AT_ONCE_MAX);
  });
  hasty.stop();
});
