// The shard's book: which batches count, what is demanded, and what each gateway is told, once and in order.
import { describe, expect, test } from 'vitest';
import type { BatchReply } from '../../../shared/frame.ts';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { SHARD_GATEWAYS_MAX, SHARD_INSTRUMENTS_MAX } from '../../../shared/limits.ts';
import { RECORD_KIND, readTick, recordWords, type Tick } from '../../../shared/tick.ts';
import { type ApplyResult, type InterestItem, ShardBook } from '../../../worker/core/shard-book.ts';
import { definitionOf, recordOf } from '../../support/records.ts';
import { SidecarDouble, tickOf, tokensOfShard } from './sidecar-double.ts';

const SHARD = 2;
const BOOT = 77;
const [A, B, C] = tokensOfShard(SHARD, 3) as [InstrumentToken, InstrumentToken, InstrumentToken];

function setUp() {
  return { book: new ShardBook(SHARD, BOOT), sidecar: new SidecarDouble(SHARD) };
}

function ticksOf(section: Uint32Array): Tick[] {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  const ticks: Tick[] = [];
  for (let at = 0; at < section.length; at += recordWords(section[at + 1] as number)) {
    ticks.push(readTick(view, at * 4));
  }
  return ticks;
}

/** Token, price and sequence of each record. */
function pricesOf(section: Uint32Array | undefined): (readonly [number, number | undefined, number])[] {
  return ticksOf(section ?? new Uint32Array(0)).map(({ token, lastPrice, seq }) => [token, lastPrice, seq]);
}

function replyOf(result: ApplyResult): BatchReply {
  if (result.kind === 'refused') throw new Error(`refused: ${result.code} ${result.message}`);
  return result.reply;
}

describe('batches', () => {
  test('each is taken once: a repeated one is a duplicate and changes nothing', () => {
    const { book, sidecar } = setUp();
    book.register('gw', [[A, 3]]);
    expect(sidecar.post(book, { ticks: [tickOf(A, 100)] }).kind).toBe('applied');
    expect(sidecar.post(book, { ticks: [tickOf(A, 101)] }).kind).toBe('applied');
    book.takePush('gw');
    const repeated = sidecar.post(book, { seq: 2, ticks: [tickOf(A, 999)] });
    expect(repeated).toMatchObject({ kind: 'duplicate', reply: { seq: 2, duplicate: true } });
    expect(sidecar.post(book, { seq: 1, ticks: [tickOf(A, 998)] }).kind).toBe('duplicate');
    expect(book.gatewaysDue()).toEqual([]);
    expect(pricesOf(book.register('gw', [[A, 3]]).ticks)).toEqual([[A, 101, 2]]);
    expect(book.stats()).toMatchObject({ batches: 2, duplicates: 2, gaps: 0, ticks: 2, seq: 2 });
  });

  test('a gap is counted and what comes after it is taken; what was skipped then is a duplicate', () => {
    const { book, sidecar } = setUp();
    sidecar.post(book);
    sidecar.post(book, { seq: 5, ticks: [tickOf(A, 100)] });
    expect(book.stats()).toMatchObject({ batches: 2, gaps: 1, ticks: 1 });
    expect(sidecar.post(book, { seq: 3, ticks: [tickOf(A, 50)] }).kind).toBe('duplicate');
    expect(pricesOf(book.register('gw', [[A, 3]]).ticks)).toEqual([[A, 100, 1]]);
  });

  test('a post that was signed no later than the last one is a replay, whatever it says', () => {
    const { book, sidecar } = setUp();
    sidecar.post(book, { signedAtMs: 6_000 });
    for (const signedAtMs of [6_000, 5_999]) {
      expect(sidecar.post(book, { signedAtMs, seq: 2, ticks: [tickOf(A, 1)] })).toEqual({
        kind: 'refused',
        code: 'ingest_replayed',
        message: `post signed at ${signedAtMs}, one of 6000 is here already`,
      });
    }
    expect(book.stats()).toMatchObject({ refused: 2, batches: 1, instruments: 0 });
    expect(sidecar.post(book, { signedAtMs: 6_001, seq: 2 }).kind).toBe('applied');
  });

  test('a later sidecar takes over, whatever its sequence and signing time; the earlier one is refused', () => {
    const { book, sidecar } = setUp();
    for (let i = 0; i < 5; i++) sidecar.post(book);
    const successor = new SidecarDouble(SHARD);
    successor.epoch = 2_000;
    expect(successor.post(book, { signedAtMs: 4_000, ticks: [tickOf(A, 7)] }).kind).toBe('applied');
    expect(sidecar.post(book, { ticks: [tickOf(A, 6)] })).toEqual({
      kind: 'refused',
      code: 'ingest_superseded',
      message: "epoch 1000 is older than the active sidecar's 2000",
    });
    expect(pricesOf(book.register('gw', [[A, 3]]).ticks)).toEqual([[A, 7, 1]]);
    expect(book.stats()).toMatchObject({ epoch: 2_000, seq: 1, gaps: 0 });
  });

  test('a batch for another shard is refused before anything is looked at', () => {
    const { book, sidecar } = setUp();
    expect(sidecar.post(book, { shard: 3, epoch: 9_000 })).toMatchObject({
      kind: 'refused',
      code: 'ingest_frame',
    });
    expect(sidecar.post(book).kind).toBe('applied');
  });

  test('of two records of one instrument in one batch the later one counts', () => {
    const { book, sidecar } = setUp();
    book.register('gw', [[A, 3]]);
    sidecar.post(book, { ticks: [tickOf(A, 1), tickOf(B, 5), tickOf(A, 2)] });
    expect(pricesOf(book.takePush('gw')?.ticks)).toEqual([[A, 2, 1]]);
  });

  test('a heartbeat moves neither the sequence of values nor anybody’s push', () => {
    const { book, sidecar } = setUp();
    book.register('gw', [[A, 3]]);
    sidecar.post(book, { ticks: [tickOf(A, 1)] });
    book.takePush('gw');
    sidecar.post(book);
    expect(book.gatewaysDue()).toEqual([]);
    sidecar.post(book, { ticks: [tickOf(A, 2)] });
    expect(pricesOf(book.takePush('gw')?.ticks)).toEqual([[A, 2, 2]]);
    expect(book.stats().last_batch_at).toBe(sidecar.signedAtMs + 10);
  });

  test(`${SHARD_INSTRUMENTS_MAX} instruments are kept; those over it are counted, not silently lost`, () => {
    const { book, sidecar } = setUp();
    const tokens = Array.from({ length: SHARD_INSTRUMENTS_MAX + 2 }, (_, i) => (i + 1) * 256 + 1);
    sidecar.post(book, { ticks: tokens.map((token) => recordOf(token, RECORD_KIND.ltp, { lastPrice: 1 })) });
    expect(book.stats()).toMatchObject({ instruments: SHARD_INSTRUMENTS_MAX, storeFull: 2 });
    // A list that drops the old ones makes room for new ones.
    const last = tokens.at(-1) as InstrumentToken;
    sidecar.post(book, { knownTokens: [last], ticks: [recordOf(last, RECORD_KIND.ltp, { lastPrice: 2 })] });
    expect(book.stats()).toMatchObject({ instruments: 1, storeFull: 2, known_instruments: 1 });
  });

  test('definitions are bounded like instruments', () => {
    const { book, sidecar } = setUp();
    const definitions = Array.from({ length: SHARD_INSTRUMENTS_MAX + 1 }, (_, i) => definitionOf(i + 1));
    sidecar.post(book, { definitions });
    expect(book.stats().storeFull).toBe(1);
    const last = (SHARD_INSTRUMENTS_MAX + 1) as InstrumentToken;
    expect(book.register('gw', [[last, 3]]).definitions).toEqual([]);
  });
});

describe('demand', () => {
  test('is sent whole when the sidecar’s version or memory is not the shard’s, and not otherwise', () => {
    const { book, sidecar } = setUp();
    const first = replyOf(sidecar.post(book));
    expect(first).toMatchObject({ boot: BOOT, demand: { items: [] } });
    const heard = () => ({ boot: BOOT, demandVersion: first.demand?.version ?? 0 });
    expect(replyOf(sidecar.post(book, heard())).demand).toBeUndefined();
    expect(replyOf(sidecar.post(book, { ...heard(), boot: 1 })).demand).toBeDefined();

    book.register('gw-1', [[A, 1]]);
    const changed = replyOf(sidecar.post(book, heard())).demand;
    expect(changed?.items).toEqual([[A, 'ltp']]);
    book.register('gw-2', [
      [A, 3],
      [B, 2],
    ]);
    const both = replyOf(sidecar.post(book, { boot: BOOT, demandVersion: changed?.version ?? 0 })).demand;
    expect(both?.items).toEqual([
      [A, 'full'],
      [B, 'quote'],
    ]);
    expect(
      replyOf(sidecar.post(book, { boot: BOOT, demandVersion: both?.version ?? 0 })).demand,
    ).toBeUndefined();
  });

  test('falls when the gateway that wanted most leaves, and a duplicate’s reply carries it too', () => {
    const { book, sidecar } = setUp();
    book.register('gw-1', [[A, 1]]);
    book.register('gw-2', [[A, 3]]);
    const version = replyOf(sidecar.post(book)).demand?.version ?? 0;
    book.release('gw-2', [A]);
    const reply = replyOf(sidecar.post(book, { seq: 1, boot: BOOT, demandVersion: version }));
    expect(reply.duplicate).toBe(true);
    expect(reply.demand?.items).toEqual([[A, 'ltp']]);
    book.release('gw-1', [A]);
    expect(book.demand()).toEqual([]);
  });

  test('a mode that is raised, lowered or asked for again is the one last asked for', () => {
    const { book, sidecar } = setUp();
    book.register('gw', [[A, 1]]);
    book.register('gw', [[A, 3]]);
    expect(book.demand()).toEqual([[A, 'full']]);
    book.register('gw', [[A, 2]]);
    expect(book.demand()).toEqual([[A, 'quote']]);
    const version = replyOf(sidecar.post(book)).demand?.version ?? 0;
    book.register('gw', [[A, 2]]);
    expect(
      replyOf(sidecar.post(book, { boot: BOOT, demandVersion: version })).demand,
      'nothing changed',
    ).toBeUndefined();
  });
});

describe('instruments that do not exist', () => {
  test('before the first list everything may exist; the list expels what does not, once', () => {
    const { book, sidecar } = setUp();
    expect(
      book.register('gw', [
        [A, 3],
        [B, 3],
      ]).unknown,
    ).toEqual([]);
    sidecar.post(book, { knownTokens: [A] });
    expect(book.demand()).toEqual([[A, 'full']]);
    expect(book.interestOf('gw')).toEqual([[A, 3]]);
    expect(book.takePush('gw')).toMatchObject({ seq: 1, unknown: [B] });
    expect(book.takePush('gw')).toBeUndefined();
    expect(book.register('gw', [[B, 3]]).unknown).toEqual([B]);
    expect(book.demand()).toEqual([[A, 'full']]);
  });

  test('what is expelled takes its undelivered definition with it; a resynchronisation says all that is unknown', () => {
    const { book, sidecar } = setUp();
    book.register('gw', [[B, 3]]);
    sidecar.post(book, { definitions: [definitionOf(B)] });
    sidecar.post(book, { knownTokens: [A] });
    sidecar.post(book, { knownTokens: [A, B], definitions: [definitionOf(B)] });
    expect(book.takePush('gw')).toMatchObject({ definitions: [], unknown: [B] });
    book.register('gw', [[B, 3]]);
    sidecar.post(book, { knownTokens: [A] });
    expect(book.resync('gw', [[B, 3]]).unknown).toEqual([B]);
    expect(book.takePush('gw')).toBeUndefined();
  });

  test('a token that a new list has again is wanted again, and an old expulsion does not strike it', () => {
    const { book, sidecar } = setUp();
    book.register('gw', [[B, 3]]);
    sidecar.post(book, { knownTokens: [A] });
    sidecar.post(book, { knownTokens: [A, B] });
    expect(book.register('gw', [[B, 3]]).unknown).toEqual([]);
    expect(book.takePush('gw')).toBeUndefined();
    // The same for an expulsion that was pushed, came back undelivered, and is out of date by then.
    sidecar.post(book, { knownTokens: [A] });
    const push = book.takePush('gw');
    expect(push?.unknown).toEqual([B]);
    sidecar.post(book, { knownTokens: [A, B] });
    book.register('gw', [[B, 3]]);
    if (push) book.returnPush('gw', push);
    expect(book.takePush('gw')).toBeUndefined();
  });

  test('a lowering changes what is wanted; what was struck before it stays so, though it is listed again', () => {
    const { book, sidecar } = setUp();
    book.register('gw', [
      [A, 3],
      [B, 3],
    ]);
    const lowered: InterestItem[] = [
      [A, 1],
      [B, 1],
    ];
    sidecar.post(book, { knownTokens: [A] });
    sidecar.post(book, { knownTokens: [A, B], definitions: [definitionOf(B, 'NEW')] });
    expect(book.lower('gw', lowered)).toEqual([[A, 1]]);
    expect(book.interestOf('gw')).toEqual([[A, 1]]);
    expect(book.takePush('gw'), 'and the gateway is told').toMatchObject({ unknown: [B] });
    expect(book.lower('nobody', lowered)).toEqual([]);
    expect(book.stats().gateways).toBe(1);
  });

  test('values and definitions of a token that is gone are gone: its next owner has another price', () => {
    const { book, sidecar } = setUp();
    sidecar.post(book, {
      definitions: [definitionOf(A, 'OLD'), definitionOf(B)],
      ticks: [tickOf(A, 100), tickOf(B, 200)],
    });
    sidecar.post(book, { knownTokens: [B] });
    sidecar.post(book, { knownTokens: [A, B] });
    const snapshot = book.register('gw', [
      [A, 3],
      [B, 3],
    ]);
    expect(pricesOf(snapshot.ticks)).toEqual([[B, 200, 1]]);
    expect(snapshot.definitions).toEqual([definitionOf(B)]);
  });

  test('a token that is given to another contract in one step loses the old one’s value', () => {
    const { book, sidecar } = setUp();
    sidecar.post(book, { definitions: [definitionOf(A, 'NIFTY25D02')], ticks: [tickOf(A, 100)] });
    sidecar.post(book, { definitions: [definitionOf(A, 'NIFTY25D02')] });
    expect(pricesOf(book.register('gw', [[A, 3]]).ticks)).toEqual([[A, 100, 1]]);
    sidecar.post(book, { definitions: [definitionOf(A, 'NIFTY25D09')] });
    expect(pricesOf(book.register('gw', [[A, 3]]).ticks)).toEqual([]);
    sidecar.post(book, { definitions: [definitionOf(A, 'NIFTY25D16')], ticks: [tickOf(A, 300)] });
    expect(pricesOf(book.register('gw', [[A, 3]]).ticks)).toEqual([[A, 300, 2]]);
  });
});

describe('pushes', () => {
  test('hold what changed of what the gateway wants, newest values only, and are numbered without gaps', () => {
    const { book, sidecar } = setUp();
    book.register('gw-1', [
      [A, 3],
      [B, 3],
    ]);
    book.register('gw-2', [[B, 3]]);
    sidecar.post(book, { ticks: [tickOf(A, 1), tickOf(B, 2), tickOf(C, 3)] });
    sidecar.post(book, { ticks: [tickOf(A, 11)] });
    expect(book.gatewaysDue()).toEqual(['gw-1', 'gw-2']);
    const first = book.takePush('gw-1');
    expect([first?.shard, first?.boot, first?.seq]).toEqual([SHARD, BOOT, 1]);
    expect(pricesOf(first?.ticks)).toEqual([
      [A, 11, 2],
      [B, 2, 1],
    ]);
    expect(book.takePush('gw-1')).toBeUndefined();
    expect(book.gatewaysDue()).toEqual(['gw-2']);
    for (let seq = 2; seq < 6; seq++) {
      sidecar.post(book, { ticks: [tickOf(A, seq)] });
      expect(book.takePush('gw-1')?.seq).toBe(seq);
    }
    expect(pricesOf(book.takePush('gw-2')?.ticks)).toEqual([[B, 2, 1]]);
  });

  test('a definition goes to those who want its instrument, and with every snapshot', () => {
    const { book, sidecar } = setUp();
    book.register('gw-1', [[A, 3]]);
    book.register('gw-2', [[B, 3]]);
    sidecar.post(book, { definitions: [definitionOf(A)] });
    expect(book.gatewaysDue()).toEqual(['gw-1']);
    expect(book.takePush('gw-1')).toMatchObject({ definitions: [definitionOf(A)], unknown: [] });
    expect(book.register('gw-2', [[A, 3]]).definitions).toEqual([definitionOf(A)]);
    expect(book.takePush('gw-2')).toBeUndefined();
  });

  test('what was released is not pushed any more, neither value nor definition', () => {
    const { book, sidecar } = setUp();
    book.register('gw', [
      [A, 3],
      [B, 3],
    ]);
    sidecar.post(book, { ticks: [tickOf(A, 1), tickOf(B, 2)], definitions: [definitionOf(A)] });
    book.release('gw', [A]);
    expect(book.takePush('gw')).toMatchObject({ definitions: [], seq: 1 });
    sidecar.post(book, { ticks: [tickOf(A, 3)] });
    expect(book.gatewaysDue()).toEqual([]);
  });

  test('one that may not have arrived comes back whole, with newer values, under a new number', () => {
    const { book, sidecar } = setUp();
    book.register('gw', [
      [A, 3],
      [B, 3],
      [C, 3],
    ]);
    sidecar.post(book, { ticks: [tickOf(A, 1), tickOf(B, 2)], definitions: [definitionOf(A)] });
    const lost = book.takePush('gw');
    if (!lost) throw new Error('no push');
    sidecar.post(book, { ticks: [tickOf(A, 11), tickOf(C, 3)] });
    book.release('gw', [B]);
    book.returnPush('gw', lost);
    const next = book.takePush('gw');
    expect(next).toMatchObject({ seq: 2, definitions: [definitionOf(A)] });
    expect(pricesOf(next?.ticks).sort()).toEqual(
      [
        [A, 11, 2],
        [C, 3, 2],
      ].sort(),
    );
    expect(() => book.returnPush('nobody', lost)).not.toThrow();
  });

  test('of what is wanted and has no value yet, nothing is pushed', () => {
    const { book } = setUp();
    const snapshot = book.register('gw', [[A, 3]]);
    expect([snapshot.boot, snapshot.pushSeq, snapshot.ticks.length]).toEqual([BOOT, 0, 0]);
    expect(book.takePush('gw')).toBeUndefined();
    expect(book.takePush('nobody')).toBeUndefined();
  });
});

describe('resynchronisation', () => {
  test('replaces all interest; its number says which pushes it contains', () => {
    const { book, sidecar } = setUp();
    book.register('gw', [
      [A, 3],
      [B, 3],
    ]);
    sidecar.post(book, { ticks: [tickOf(A, 1), tickOf(B, 2), tickOf(C, 3)], knownTokens: [A, B, C] });
    book.takePush('gw');
    sidecar.post(book, { ticks: [tickOf(B, 22)] });
    const snapshot = book.resync('gw', [
      [B, 2],
      [C, 1],
      [9 as InstrumentToken, 3],
    ]);
    expect(snapshot).toMatchObject({ boot: BOOT, pushSeq: 1, unknown: [9] });
    expect(pricesOf(snapshot.ticks)).toEqual([
      [B, 22, 2],
      [C, 3, 1],
    ]);
    expect(book.interestOf('gw')).toEqual([
      [B, 2],
      [C, 1],
    ]);
    sidecar.post(book, { ticks: [tickOf(A, 5), tickOf(C, 6)] });
    const push = book.takePush('gw');
    expect(push?.seq).toBe(2);
    expect(pricesOf(push?.ticks)).toContainEqual([C, 6, 3]);
    expect(pricesOf(push?.ticks).map(([token]) => token)).not.toContain(A);
  });

  test('one gateway’s does not touch another’s', () => {
    const { book, sidecar } = setUp();
    book.register('gw-1', [[A, 3]]);
    book.register('gw-2', [[A, 2]]);
    sidecar.post(book, { ticks: [tickOf(A, 1)] });
    book.resync('gw-1', []);
    expect(book.interestOf('gw-1')).toEqual([]);
    expect(book.interestOf('gw-2')).toEqual([[A, 2]]);
    expect(pricesOf(book.takePush('gw-2')?.ticks)).toEqual([[A, 1, 1]]);
  });

  test('of a gateway never heard of is a registration', () => {
    const { book } = setUp();
    expect(book.resync('new', [[A, 3]])).toMatchObject({ pushSeq: 0, unknown: [] });
    expect(book.interestOf('new')).toEqual([[A, 3]]);
  });
});

test(`${SHARD_GATEWAYS_MAX} gateways are served; the next is refused and the others are not`, () => {
  const { book } = setUp();
  for (let i = 0; i < SHARD_GATEWAYS_MAX; i++) book.register(`gw-${i}`, [[A, 1]]);
  expect(() => book.register('one-more', [[A, 1]])).toThrow(
    'shard 2 has 128 gateways, none free for one-more',
  );
  expect(() => book.resync('one-more', [])).toThrow(RangeError);
  book.release('one-more', [A]);
  expect(book.register('gw-0', [[B, 1]]).boot).toBe(BOOT);
  expect(book.stats()).toMatchObject({ gateways: SHARD_GATEWAYS_MAX, wanted: 2 });
});
