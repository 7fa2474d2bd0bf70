// Order updates that go wrong on their way.
import { expect, test } from 'vitest';
import type { OrderUpdate } from '../../../../../ingest/simulator/core/orders/order.ts';
import { UpdateStream } from '../../../../../ingest/simulator/core/orders/update-stream.ts';
import { SIMULATOR_UPDATE_HELD_MS_MAX } from '../../../../../shared/limits.ts';
import { bookOn, ModelMarket, NOON_MS, placed } from './model-market.ts';

/** OPEN and COMPLETE of each of two orders. */
function updatesOf(): [OrderUpdate, OrderUpdate, OrderUpdate, OrderUpdate] {
  const book = bookOn(new ModelMarket());
  placed(book, { price: 801, quantity: 2 });
  placed(book, { price: 801, quantity: 2 });
  const [open, otherOpen, complete, otherComplete] = book.advance(NOON_MS + 100);
  return [open!, otherOpen!, complete!, otherComplete!];
}

test('what nothing is wrong with goes on as it is', () => {
  const stream = new UpdateStream();
  for (const update of updatesOf()) expect(stream.pass(update, [], 0)).toEqual([update]);
});

test('an update that is kept back follows the next one of its own order, or goes when its time is over', () => {
  const stream = new UpdateStream();
  const [open, otherOpen, complete, otherComplete] = updatesOf();
  expect(stream.pass(open, ['reorder'], 0)).toEqual([]);
  expect(stream.pass(otherOpen, [], 0)).toEqual([otherOpen]);
  expect(stream.pass(complete, [], 0)).toEqual([complete, open]);
  expect(stream.pass(otherComplete, ['reorder'], 5)).toEqual([]);
  expect(stream.release(4 + SIMULATOR_UPDATE_HELD_MS_MAX)).toEqual([]);
  expect(stream.release(5 + SIMULATOR_UPDATE_HELD_MS_MAX)).toEqual([otherComplete]);
  expect(stream.release(5 + SIMULATOR_UPDATE_HELD_MS_MAX)).toEqual([]);
});

test('a late UPDATE has less filled than the COMPLETE before it; disturbances add up', () => {
  const stream = new UpdateStream();
  const [open, , complete] = updatesOf();
  expect(stream.pass(open, ['late_update', 'duplicate'], 0)).toEqual([open, open]);
  const sent = stream.pass(complete, ['late_update', 'duplicate'], 0);
  expect(sent.map(({ status }) => status)).toEqual(['COMPLETE', 'COMPLETE', 'UPDATE', 'UPDATE']);
  expect(sent[2]?.row).toMatchObject({ status: 'OPEN', filledQuantity: 1, filledValue: 80_005 });
  expect(stream.pass(complete, ['drop', 'duplicate'], 0)).toEqual([]);
});
