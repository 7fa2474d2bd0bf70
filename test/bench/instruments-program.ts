// Program: reads the instrument list once in one of two ways, or stores it, and prints what that cost. Run with --expose-gc.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { KiteConnect } from 'kiteconnect';
import { type Clock, systemClock } from '../../ingest/clock.ts';
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
  /** The same for the first list of a process, when nothing is streamed yet. */
  readonly startBlockMs: number;
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
/** How soon the clock is looked at. */
const CHECK_MS = 20;
const DAY_MS = 86_400_000;

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

/** So much later it is for the list: a day on, it is read anew. */
let laterMs = 0;
const clock: Clock = {
  ...systemClock,
  wallMs: () => Date.now() + laterMs,
  after: (delayMs, run) => systemClock.after(Math.min(delayMs, CHECK_MS), run),
};

function instrumentsOf(databaseUrl: string | undefined, onList: (book: InstrumentBook) => void): Instruments {
  return new Instruments({
    apiRoot,
    databaseUrl,
    mustBeWhole: true,
    clock,
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

/** At start, and on the next mornings, when instruments are streamed whose definitions may have changed. */
async function loadOurs(): Promise<LoadCost> {
  const batcher = new Batcher(Date.now(), EMPTY_INSTRUMENT_BOOK);
  let book: InstrumentBook = EMPTY_INSTRUMENT_BOOK;
  let lists = 0;
  const instruments = instrumentsOf(undefined, (loaded) => {
    batcher.replaceInstruments(loaded);
    book = loaded;
    lists++;
  });
  const before = await usedBytes();
  const first = await watched(async () => {
    instruments.start();
    await until(() => lists === 1);
  });
  const retainedMb = ((await usedBytes()) - before + sharedBytes(book)) / 1e6;
  const rssMb = process.memoryUsage.rss() / 1e6;
  const tokens = tokensOf(book);
  if (tokens.length < INSTRUMENTS_MIN) throw new Error(`only ${tokens.length} instruments`);
  const spread = tokens.filter((_, i) => i % Math.floor(tokens.length / WANTED) === 0).slice(0, WANTED);
  batcher.want(spread.map((token) => ({ token, mode: 'full' })));
  const next = await watched(async () => {
    laterMs += DAY_MS;
    await until(() => lists === 2);
  });
  instruments.stop();
  return {
    loadS: first.s,
    blockMs: Math.max(first.blockMs, next.blockMs),
    startBlockMs: first.blockMs,
    retainedMb,
    rssMb,
  };
}

async function loadPeer(): Promise<LoadCost> {
  const kite = new KiteConnect({ api_key: 'key', root: apiRoot });
  const before = await usedBytes();
  const { result: list, s, blockMs } = await watched(() => kite.getInstruments());
  const retainedMb = ((await usedBytes()) - before) / 1e6;
  const rssMb = process.memoryUsage.rss() / 1e6;
  if (list.length < INSTRUMENTS_MIN) throw new Error(`only ${list.length} instruments`);
  return { loadS: s, blockMs, startBlockMs: blockMs, retainedMb, rssMb };
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
