// A gateway's link to a shard: whatever is lost, late, doubled or forgotten, it converges and never goes backwards.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GATEWAY_PUSHES_HELD_MAX } from '../../../shared/limits.ts';
import type { ShardPush, Snapshot } from '../../../worker/core/shard-book.ts';
import { ShardLink } from '../../../worker/core/shard-link.ts';

function pushOf(seq: number, boot = 1): ShardPush {
  const nothing = { definitions: [], unknown: [], bars: [] };
  return { shard: 0, boot, seq, roundShards: 1, ticks: Uint32Array.of(seq), ...nothing };
}

function snapshotOf(pushSeq: number, boot = 1): Snapshot {
  return { boot, pushSeq, ticks: Uint32Array.of(pushSeq), definitions: [], unknown: [], bars: [] };
}

function syncedAt(pushSeq: number): ShardLink {
  const link = new ShardLink();
  link.beginSync();
  expect(link.finishSync(snapshotOf(pushSeq))).toEqual([]);
  return link;
}

describe('pushes', () => {
  test('nothing is trusted before the first synchronisation', () => {
    const link = new ShardLink();
    expect([link.isSynced, link.boot, link.onPush(pushOf(1))]).toEqual([false, 0, 'resync']);
  });

  test('the next one is applied, an old one dropped, a gap asks', () => {
    const link = syncedAt(5);
    expect(link.boot).toBe(1);
    expect([pushOf(6), pushOf(6), pushOf(3), pushOf(7), pushOf(9)].map((push) => link.onPush(push))).toEqual([
      'apply',
      'drop',
      'drop',
      'apply',
      'resync',
    ]);
    expect(link.onPush(pushOf(9)), 'and asks again until it is answered').toBe('resync');
  });

  test('another memory asks, whatever its number', () => {
    for (const seq of [1, 5, 6, 7]) expect(syncedAt(5).onPush(pushOf(seq, 2))).toBe('resync');
  });
});

describe('while synchronising', () => {
  test('pushes wait; those that the answer contains are dropped, the rest come in order', () => {
    const link = syncedAt(5);
    link.beginSync();
    expect([link.isSyncing, link.isSynced]).toEqual([true, false]);
    for (let seq = 6; seq <= 9; seq++) expect(link.onPush(pushOf(seq))).toBe('drop');
    expect(link.finishSync(snapshotOf(7))?.map(({ seq }) => seq)).toEqual([8, 9]);
    expect(link.onPush(pushOf(10))).toBe('apply');
  });

  test('a missing, doubled or foreign push after the answer means asking again', () => {
    const cases = [[8], [7, 9], [8, 7], [7, 7]].map((seqs) => seqs.map((seq) => pushOf(seq)));
    for (const pushes of [...cases, [pushOf(7), pushOf(8, 2)], [pushOf(3, 2)]]) {
      const link = syncedAt(5);
      link.beginSync();
      for (const push of pushes) link.onPush(push);
      expect(link.finishSync(snapshotOf(6))).toBeUndefined();
      expect([link.isSynced, link.isSyncing, link.boot]).toEqual([false, false, 0]);
      expect(link.onPush(pushOf(9))).toBe('resync');
    }
  });

  test(`${GATEWAY_PUSHES_HELD_MAX} pushes are held; one more and the answer does not count`, () => {
    for (const [count, isSynced] of [
      [GATEWAY_PUSHES_HELD_MAX, true],
      [GATEWAY_PUSHES_HELD_MAX + 1, false],
    ] as const) {
      const link = syncedAt(0);
      link.beginSync();
      for (let seq = 1; seq <= count; seq++) link.onPush(pushOf(seq));
      expect(link.finishSync(snapshotOf(0))?.length, `${count} pushes`).toBe(isSynced ? count : undefined);
      expect(link.isSynced).toBe(isSynced);
    }
  });

  test('an answer after a reset does not count: what came between is unknown', () => {
    const link = syncedAt(0);
    link.beginSync();
    link.reset();
    expect(link.finishSync(snapshotOf(3))).toBeUndefined();
    expect(link.isSynced).toBe(false);
  });
});

describe('the answer to a registration', () => {
  test('counts as long as the link is in step since it was asked for', () => {
    const link = syncedAt(5);
    const { syncs } = link;
    link.onPush(pushOf(6));
    expect([link.onAnswer(syncs, 1), link.isSynced]).toEqual([true, true]);
  });

  test('of before a synchronisation does not count, though boot and step are the same, and disturbs nothing', () => {
    const link = syncedAt(5);
    const { syncs } = link;
    link.reset();
    expect(link.onAnswer(syncs, 1)).toBe(false);
    link.beginSync();
    expect([link.onAnswer(syncs, 1), link.isSyncing]).toEqual([false, true]);
    link.finishSync(snapshotOf(7));
    expect([link.onAnswer(syncs, 1), link.onAnswer(syncs, 2), link.isSynced]).toEqual([false, false, true]);
  });

  test('of another memory does not count, and puts the link out of step', () => {
    const link = syncedAt(5);
    expect([link.onAnswer(link.syncs, 2), link.isSynced]).toEqual([false, false]);
  });
});

/**
 * A shard of one value that only grows, and the network to one gateway. The value is what the last push or snapshot
 * said; `boot` and `value` together only ever grow too, so going backwards shows.
 */
class LinkModel {
  boot = 1;
  seq = 0;
  value = 0;
  network: ShardPush[] = [];
  answer: Snapshot | undefined;
  readonly link = new ShardLink();
  applied = { boot: 0, value: 0 };

  #take(boot: number, value: number): void {
    const isOlder = boot < this.applied.boot || (boot === this.applied.boot && value < this.applied.value);
    expect(isOlder, `${boot}/${value} after ${this.applied.boot}/${this.applied.value}`).toBe(false);
    this.applied = { boot, value };
  }

  shardPushes(): void {
    this.seq++;
    this.value++;
    this.network.push({ ...pushOf(this.seq, this.boot), ticks: Uint32Array.of(this.value) });
  }

  shardReboots(): void {
    this.boot++;
    this.seq = 0;
  }

  deliver(index: number): void {
    const push = this.network[index];
    if (!push) return;
    const verdict = this.link.onPush(push);
    if (verdict === 'apply') this.#take(push.boot, push.ticks[0] as number);
    else if (verdict === 'resync') this.ask();
  }

  ask(): void {
    if (this.link.isSyncing) return;
    this.link.beginSync();
    this.answer = undefined;
  }

  /** The shard handles the call: from here on its answer is on its way. */
  shardAnswers(): void {
    if (!this.link.isSyncing || this.answer) return;
    this.answer = { ...snapshotOf(this.seq, this.boot), ticks: Uint32Array.of(this.value) };
  }

  answerArrives(): void {
    const answer = this.answer;
    if (!answer) return;
    this.answer = undefined;
    const later = this.link.finishSync(answer);
    if (!later) return;
    this.#take(answer.boot, answer.ticks[0] as number);
    for (const push of later) this.#take(push.boot, push.ticks[0] as number);
  }

  callFails(): void {
    if (!this.link.isSyncing) return;
    this.answer = undefined;
    this.link.reset();
  }
}

/** What may happen next; `index` picks one of the pushes that are on their way. */
const STEPS: Record<string, (model: LinkModel, index: number) => void> = {
  push: (model) => model.shardPushes(),
  deliver: (model, index) => {
    model.deliver(index);
    model.network.splice(index, 1);
  },
  lose: (model, index) => void model.network.splice(index, 1),
  double: (model, index) => model.deliver(index),
  reboot: (model) => model.shardReboots(),
  answer: (model) => model.shardAnswers(),
  arrive: (model) => model.answerArrives(),
  fail: (model) => model.callFails(),
  ask: (model) => model.ask(),
};

type Step = readonly [kind: string, pick: number];

function perform(model: LinkModel, [kind, pick]: Step, isOrdered: boolean): void {
  const index = isOrdered || model.network.length === 0 ? 0 : pick % model.network.length;
  STEPS[kind]?.(model, index);
}

describe('model: a shard with one growing value, and a network that loses, doubles, delays and reorders', () => {
  const kinds = [
    'push',
    'push',
    'deliver',
    'deliver',
    'lose',
    'double',
    'reboot',
    'answer',
    'arrive',
    'fail',
  ];
  const step = fc.tuple(fc.constantFrom(...kinds, 'ask'), fc.nat(1_000)) as fc.Arbitrary<Step>;

  for (const isOrdered of [true, false]) {
    test(`${isOrdered ? 'pushes in order' : 'pushes reordered'} - never backwards, and current in the end`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
          const model = new LinkModel();
          for (const each of steps) perform(model, each, isOrdered);
          // Quiet now: what is on its way arrives, the shard pushes once more, and calls succeed.
          model.shardPushes();
          for (let round = 0; round < 4 && model.applied.value !== model.value; round++) {
            while (model.network.length > 0) perform(model, ['deliver', 0], true);
            model.ask();
            model.shardAnswers();
            model.answerArrives();
          }
          expect(model.applied).toEqual({ boot: model.boot, value: model.value });
          expect(model.link.isSynced).toBe(true);
        }),
        { numRuns: 2_000 },
      );
    });
  }
});
