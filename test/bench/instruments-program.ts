// Program: reads the instrument list once in one of two ways, or stores it, and prints what that cost. Run with --expose-gc.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { KiteConnect } from 'kiteconnect';
import { systemClock } from '../../ingest/clock.ts';
import { Batcher } from '../../ingest/core/batcher.ts';
import { EMPTY_INSTRUMENT_BOOK, type InstrumentBook } from '../../ingest/core/instrument-book.ts';
import { Instruments } from '../../ingest/instruments/instruments.ts';
import { InstrumentRegistry } from '../../ingest/instruments/registry.ts';
import { createLogger } from '../../ingest/log.ts';
import { decodeTokenList } from '../../shared/frame.ts';
import { BATCH_KNOWN_TOKENS_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT } from '../../shared/shard.ts';

export interface LoadCost {
  readonly loadS: number;
  /** Longest time for which the event loop did nothing else. */
  readonly blockMs: number;
  /** Heap and external memory that stays. */
  readonly retainedMb: number;
  readonly rssMb: number;
}

export interface StoreCost {
  readonly storeS: number;
  readonly blockMs: number;
}

/** Instruments that are streamed when the list changes: as many as one account carries. */
const WANTED = 9_000;
const INSTRUMENTS_MIN = 100_000;
const POLL_MS = 2;

const collectGarbage = (globalThis as { gc?: () => void }).gc;
if (!collectGarbage) throw new Error('run with --expose-gc');

async function usedBytes(): Promise<number> {
  await sleep(200);
  collectGarbage?.();
  collectGarbage?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The histogram counts a block from one of its own ticks to the next, which come each millisecond. */
async function watched<T>(work: () => Promise<T>): Promise<{ result: T; s: number; blockMs: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  await sleep(200);
  delay.enable();
  await sleep(50);
  delay.reset();
  const startedAtMs = performance.now();
  const result = await work();
  const s = (performance.now() - startedAtMs) / 1_000;
  await sleep(20);
  delay.disable();
  return { result, s, blockMs: delay.max / 1e6 };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(POLL_MS);
}

function instrumentsOf(databaseUrl: string | undefined, onList: (book: InstrumentBook) => void): Instruments {
  return new Instruments({
    apiRoot,
    databaseUrl,
    mustBeWhole: true,
    clock: systemClock,
    random: Math.random,
    log: createLogger({
      level: 'warn',
      format: 'text',
      secrets: [],
      write: (line) => process.stderr.write(line),
      nowMs: Date.now,
    }),
    onList,
  });
}

/** Reads the list and takes it over as the sidecar does, in the buffer of ticks. */
async function loadInto(batcher: Batcher): Promise<{ book: InstrumentBook; s: number; blockMs: number }> {
  let book: InstrumentBook | undefined;
  const instruments = instrumentsOf(undefined, (loaded) => {
    batcher.replaceInstruments(loaded);
    book = loaded;
  });
  const { s, blockMs } = await watched(async () => {
    instruments.start();
    await until(() => instruments.status.status === 'ok');
  });
  instruments.stop();
  if (!book) throw new Error('no list');
  return { book, s, blockMs };
}

function tokensOf(book: InstrumentBook): number[] {
  const lists = Array.from({ length: SHARD_COUNT }, (_, shard) => book.knownTokensOf(shard));
  return lists.flatMap((list) => decodeTokenList(list, BATCH_KNOWN_TOKENS_MAX));
}

/** Memory that threads share is in nobody's heap, and no figure of Node's counts it. */
function sharedBytes(book: InstrumentBook): number {
  if (!(book instanceof InstrumentRegistry)) throw new Error('not the list that was read');
  const parts = Object.values(book.columns).flat() as unknown[];
  return parts.reduce<number>((sum, part) => sum + (ArrayBuffer.isView(part) ? part.byteLength : 0), 0);
}

/** At start, and as on the next morning, when instruments are streamed whose definitions may have changed. */
async function loadOurs(): Promise<LoadCost> {
  const batcher = new Batcher(Date.now(), EMPTY_INSTRUMENT_BOOK);
  const before = await usedBytes();
  const first = await loadInto(batcher);
  const retainedMb = ((await usedBytes()) - before + sharedBytes(first.book)) / 1e6;
  const rssMb = process.memoryUsage.rss() / 1e6;
  const tokens = tokensOf(first.book);
  if (tokens.length < INSTRUMENTS_MIN) throw new Error(`only ${tokens.length} instruments`);
  batcher.want(tokens.slice(0, WANTED).map((token) => ({ token, mode: 'full' })));
  const next = await loadInto(batcher);
  return { loadS: first.s, blockMs: Math.max(first.blockMs, next.blockMs), retainedMb, rssMb };
}

async function loadPeer(): Promise<LoadCost> {
  const kite = new KiteConnect({ api_key: 'key', root: apiRoot });
  const before = await usedBytes();
  const { result: list, s, blockMs } = await watched(() => kite.getInstruments());
  const retainedMb = ((await usedBytes()) - before) / 1e6;
  const rssMb = process.memoryUsage.rss() / 1e6;
  if (list.length < INSTRUMENTS_MIN) throw new Error(`only ${list.length} instruments`);
  return { loadS: s, blockMs, retainedMb, rssMb };
}

async function store(databaseUrl: string): Promise<StoreCost> {
  const batcher = new Batcher(Date.now(), EMPTY_INSTRUMENT_BOOK);
  const instruments = instrumentsOf(databaseUrl, (book) => batcher.replaceInstruments(book));
  const { s, blockMs } = await watched(async () => {
    instruments.start();
    await until(() => instruments.status.stored === true);
  });
  instruments.stop();
  return { storeS: s, blockMs };
}

const [way, apiRoot = '', databaseUrl = ''] = process.argv.slice(2);
const cost = way === 'ours' ? await loadOurs() : way === 'peer' ? await loadPeer() : await store(databaseUrl);
process.stdout.write(`${JSON.stringify(cost)}\n`);
