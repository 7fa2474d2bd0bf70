// The table of last values: records stay in their slots through growth, and nothing of an old record lives on.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AT, RECORD_KIND, RECORD_WORDS_MAX, readTick, recordWords } from '../../shared/tick.ts';
import { TickStore } from '../../shared/tick-store.ts';
import { recordOf } from '../support/records.ts';
import { arbitraryRecord } from './arbitrary-records.ts';

function recordAt(store: TickStore, slot: number): Uint32Array {
  const at = slot * RECORD_WORDS_MAX;
  return store.words.slice(at, at + recordWords(store.kindAt(slot)));
}

test('records survive growth, and each is the last that was put for its token', () => {
  fc.assert(
    fc.property(fc.array(arbitraryRecord(), { maxLength: 60 }), (records) => {
      const store = new TickStore(1_000, 1);
      const last = new Map<number, Uint32Array>();
      for (const record of records) {
        store.put(store.slotFor(record[0] as number), record, 0);
        last.set(record[0] as number, record);
      }
      expect(store.size).toBe(last.size);
      expect([...store.tokens()].sort()).toEqual([...last.keys()].sort());
      for (const [token, record] of last) expect(recordAt(store, store.slotOf(token))).toEqual(record);
    }),
    { numRuns: 100 },
  );
});

test('slots do not move when the table grows', () => {
  const store = new TickStore(100, 2);
  const slots = Array.from({ length: 100 }, (_, i) => store.slotFor(i + 1));
  expect(slots).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(slots).toEqual(Array.from({ length: 100 }, (_, i) => store.slotOf(i + 1)));
});

test('a full table refuses new tokens and keeps the ones it has', () => {
  const store = new TickStore(3, 1);
  for (const token of [1, 2, 3]) store.put(store.slotFor(token), recordOf(token, RECORD_KIND.ltp), 0);
  expect(store.slotFor(4)).toBe(-1);
  expect(store.slotOf(4)).toBe(-1);
  expect(store.slotFor(2)).toBe(1);
  expect(store.size).toBe(3);
  expect(store.words.length).toBe(3 * RECORD_WORDS_MAX);
});

test('a record of a lower kind replaces the higher one: no old field is read', () => {
  const store = new TickStore(4);
  const slot = store.slotFor(408_065);
  store.put(slot, recordOf(408_065, RECORD_KIND.full, { lastPrice: 500, volume: 9, oi: 3 }), 0);
  store.put(slot, recordOf(408_065, RECORD_KIND.ltp, { lastPrice: 501 }), 0);
  expect(readTick(store.view, store.byteOffset(slot))).toEqual({
    token: 408_065,
    mode: 'ltp',
    receivedAtMs: 1_764_000_000_000,
    seq: 0,
    lastPrice: 501,
  });
});

test('a record is taken from the middle of a section, with its sequence', () => {
  const store = new TickStore(4);
  const record = recordOf(738_561, RECORD_KIND.quote, { lastPrice: 7, seq: 42 });
  const section = new Uint32Array(100).fill(0xffff_ffff);
  section.set(record, 33);
  const slot = store.slotFor(738_561);
  store.put(slot, section, 33);
  expect(recordAt(store, slot)).toEqual(record);
  expect([store.kindAt(slot), store.seqAt(slot)]).toEqual([RECORD_KIND.quote, 42]);
  expect(store.view.getUint32(store.byteOffset(slot) + AT.lastPrice, true)).toBe(7);
});

test('a cleared slot holds nothing and stays its token’s', () => {
  const store = new TickStore(4);
  const slot = store.slotFor(1);
  store.put(slot, recordOf(1, RECORD_KIND.full, { lastPrice: 5, seq: 9 }), 0);
  store.clear(slot);
  expect([store.kindAt(slot), store.seqAt(slot), store.slotOf(1)]).toEqual([0, 0, slot]);
  expect(
    store.words.subarray(slot * RECORD_WORDS_MAX, (slot + 1) * RECORD_WORDS_MAX).some((w) => w !== 0),
  ).toBe(false);
});

test('released slots are used again, empty, and never by two tokens', () => {
  const command = fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 12 }));
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const store = new TickStore(8, 2);
      const model = new Map<number, number>();
      for (const [isRelease, token] of commands) {
        if (isRelease) {
          store.release(token);
          model.delete(token);
          expect(store.slotOf(token)).toBe(-1);
          continue;
        }
        const slot = store.slotFor(token);
        if (!model.has(token) && model.size === 8) {
          expect(slot).toBe(-1);
          continue;
        }
        if (model.has(token)) expect(slot).toBe(model.get(token));
        else {
          expect([...model.values()]).not.toContain(slot);
          expect(store.kindAt(slot)).toBe(0);
          store.put(slot, recordOf(token, RECORD_KIND.ltp), 0);
        }
        model.set(token, slot);
        expect(store.size).toBe(model.size);
      }
    }),
    { numRuns: 200 },
  );
});
