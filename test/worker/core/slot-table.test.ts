// Typed tables against plain ones: the same after any changes, also when they grow, shrink and move entries up.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WIRE_ROW_IDS_MAX } from '../../../shared/limits.ts';
import { RowIds } from '../../../worker/core/row-ids.ts';
import { SlotSet } from '../../../worker/core/slot-set.ts';
import { APART, NO_ROW_ID, SlotTable } from '../../../worker/core/slot-table.ts';

const slot = fc.oneof(fc.nat(20), fc.nat(131_071));
const change = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    slot,
    terms: fc.integer({ min: 1, max: 31 }),
    place: fc.nat(2_000),
  }),
  fc.record({ kind: fc.constant('remove' as const), slot }),
  fc.record({ kind: fc.constant('id' as const), slot, id: fc.nat(APART - 1) }),
  fc.record({ kind: fc.constant('terms' as const), slot, terms: fc.integer({ min: 1, max: 31 }) }),
);

interface Entry {
  terms: number;
  id: number;
  place: number;
}

function apply(
  table: SlotTable,
  model: Map<number, Entry>,
  each: typeof change extends fc.Arbitrary<infer T> ? T : never,
) {
  const known = model.get(each.slot);
  if (each.kind === 'add' && !known) {
    table.add(each.slot, each.terms, each.place);
    model.set(each.slot, { terms: each.terms, id: NO_ROW_ID, place: each.place });
  } else if (each.kind === 'remove') {
    table.remove(each.slot);
    model.delete(each.slot);
  } else if (each.kind === 'id' && known) {
    table.setId(each.slot, each.id);
    known.id = each.id;
  } else if (each.kind === 'terms' && known) {
    table.setTerms(each.slot, each.terms);
    known.terms = each.terms;
  }
}

test('a slot table is what a map would be', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
      const table = new SlotTable();
      const model = new Map<number, Entry>();
      for (const each of changes) apply(table, model, each);
      expect(table.size).toBe(model.size);
      expect([...table.slots()].sort((a, b) => a - b)).toEqual([...model.keys()].sort((a, b) => a - b));
      for (const { slot: at } of changes) {
        const { terms = 0, id = NO_ROW_ID, place = -1 } = model.get(at) ?? {};
        expect([table.has(at), table.termsOf(at), table.idOf(at), table.placeOf(at)]).toEqual([
          model.has(at),
          terms,
          id,
          place,
        ]);
      }
    }),
    { numRuns: 300 },
  );
});

test('tables with the same entries are the same, whatever became of them before; others are not', () => {
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 80 }),
      fc.array(change, { maxLength: 30 }),
      (changes, detour) => {
        const [table, other] = [new SlotTable(), new SlotTable()];
        const [model, otherModel] = [new Map<number, Entry>(), new Map<number, Entry>()];
        for (const each of changes) apply(table, model, each);
        for (const each of detour) apply(other, otherModel, each);
        for (const at of [...otherModel.keys()]) apply(other, otherModel, { kind: 'remove', slot: at });
        for (const [at, { terms, id, place }] of [...model].reverse()) {
          other.add(at, terms, place);
          if (id !== NO_ROW_ID) other.setId(at, id);
        }
        expect([table.isSameAs(other), other.isSameAs(table), table.print === other.print]).toEqual([
          true,
          true,
          true,
        ]);
        const [first] = model.keys();
        if (first === undefined) return;
        other.setTerms(first, (other.termsOf(first) % 31) + 1);
        expect(table.isSameAs(other)).toBe(false);
      },
    ),
    { numRuns: 300 },
  );
});

test('a slot set is what a set would be', () => {
  const step = fc.record({ kind: fc.constantFrom('add', 'add', 'add', 'delete', 'clear'), slot });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const set = new SlotSet();
      const model = new Set<number>();
      for (const { kind, slot: at } of steps) {
        if (kind === 'add') {
          set.add(at);
          model.add(at);
        } else if (kind === 'delete') {
          set.delete(at);
          model.delete(at);
        } else {
          set.clear();
          model.clear();
        }
        expect(set.has(at)).toBe(model.has(at));
      }
      const members = Array.from({ length: set.size }, (_, i) => set.at(i));
      expect(members.sort((a, b) => a - b)).toEqual([...model].sort((a, b) => a - b));
    }),
  );
});

describe('row ids', () => {
  test('those given back come first, and there is an end to them', () => {
    const ids = new RowIds();
    expect([ids.take(), ids.take(), ids.take()]).toEqual([0, 1, 2]);
    ids.giveBack(1);
    expect([ids.take(), ids.take()]).toEqual([1, 3]);
    for (let id = 4; id < WIRE_ROW_IDS_MAX; id++) expect(ids.take()).toBe(id);
    expect(ids.take()).toBe(NO_ROW_ID);
    ids.giveBack(77);
    expect(ids.take()).toBe(77);
  });
});
