// Program of the instrument thread (see thread.ts): does the one task that it was started with, and answers.
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { assertNever } from '../../shared/errors.ts';
import { INSTRUMENT_COUNT_MS_MAX } from '../../shared/limits.ts';
import { type ExchangeRows, shrinkageOf } from '../core/list-check.ts';
import { errorText } from '../log.ts';
import { withDatabase } from '../store/db.ts';
import { countStoredRows, readStoredInstruments, storeInstruments } from '../store/instruments.ts';
import { InstrumentColumnsBuilder } from './columns.ts';
import { InstrumentCsvParser } from './csv.ts';
import { fetchDump, ThrottledError } from './dump.ts';
import { InstrumentRegistry } from './registry.ts';
import type {
  Download,
  DownloadTask,
  InstrumentTask,
  ReadList,
  ReadStoredTask,
  StoredList,
  StoreTask,
  StoreVerdict,
  TaskReply,
  TaskResults,
} from './task.ts';

async function readDump(apiRoot: string): Promise<ReadList> {
  const builder = new InstrumentColumnsBuilder();
  const parser = new InstrumentCsvParser((definition) => builder.add(definition));
  // Whoever waits for it ends this thread when it has waited enough.
  for await (const chunk of fetchDump(apiRoot, new AbortController().signal)) parser.push(chunk);
  parser.end();
  const columns = builder.build();
  const { badRows, firstBadRow, isCutOff } = parser;
  const { duplicates } = builder;
  return { columns, duplicates, badRows, isCutOff, ...(firstBadRow === undefined ? {} : { firstBadRow }) };
}

/** Undefined when nothing is stored, and when the database does not answer soon: no list waits for it. */
async function countStored(url: string | undefined): Promise<ExchangeRows | undefined> {
  if (url === undefined) return undefined;
  const counted = withDatabase(url, countStoredRows).catch(() => undefined);
  const rows = await Promise.race([counted, sleep(INSTRUMENT_COUNT_MS_MAX, undefined)]);
  return rows && rows.size > 0 ? rows : undefined;
}

async function download({ apiRoot, databaseUrl, before }: DownloadTask): Promise<Download> {
  const [list, storedRows] = await Promise.all([readDump(apiRoot), countStored(databaseUrl)]);
  const changes = before && new InstrumentRegistry(list.columns).changesSince(new InstrumentRegistry(before));
  return { list, ...(storedRows ? { storedRows } : {}), ...(changes ? { changes } : {}) };
}

async function readStored({ databaseUrl }: ReadStoredTask): Promise<StoredList | undefined> {
  const builder = new InstrumentColumnsBuilder();
  const tradingDate = await withDatabase(databaseUrl, (sql) =>
    readStoredInstruments(sql, (definition) => builder.add(definition)),
  );
  if (tradingDate === undefined) return undefined;
  const columns = builder.build();
  return { list: { columns, duplicates: builder.duplicates, badRows: 0, isCutOff: false }, tradingDate };
}

async function store({ databaseUrl, columns, tradingDate, mustBeWhole }: StoreTask): Promise<StoreVerdict> {
  const registry = new InstrumentRegistry(columns);
  return withDatabase(databaseUrl, async (sql) => {
    const reason = mustBeWhole ? shrinkageOf(registry.exchangeRows, await countStoredRows(sql)) : undefined;
    if (reason !== undefined) return { kind: 'refused', reason };
    await storeInstruments(sql, registry.definitions(), tradingDate);
    return { kind: 'stored' };
  });
}

async function run(task: InstrumentTask): Promise<TaskResults[InstrumentTask['kind']]> {
  switch (task.kind) {
    case 'download':
      return download(task);
    case 'read_stored':
      return readStored(task);
    case 'store':
      return store(task);
    default:
      return assertNever(task);
  }
}

async function replyTo(task: InstrumentTask): Promise<TaskReply> {
  try {
    return { kind: 'done', result: await run(task) };
  } catch (error) {
    const message = errorText(error);
    return error instanceof ThrottledError
      ? { kind: 'failed', message, retryAfterMs: error.retryAfterMs }
      : { kind: 'failed', message };
  }
}

parentPort?.postMessage(await replyTo(workerData as InstrumentTask));
