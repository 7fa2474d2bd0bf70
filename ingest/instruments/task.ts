// What the instrument thread is asked to do, and what it answers: plain data, as another thread can have it.
import type { ExchangeRows } from '../core/list-check.ts';
import type { InstrumentColumns } from './columns.ts';

export interface ReadList {
  readonly columns: InstrumentColumns;
  /** Rows for a token that was there already. */
  readonly duplicates: number;
  readonly badRows: number;
  readonly firstBadRow?: string;
  /** The text ended inside a row. */
  readonly isCutOff: boolean;
}

/** Kite's list of now, and beside it how many rows the stored one has. */
export interface DownloadTask {
  readonly kind: 'download';
  readonly apiRoot: string;
  readonly databaseUrl: string | undefined;
  /** The list in use, that the new one is compared with. */
  readonly before: InstrumentColumns | undefined;
}

export interface ReadStoredTask {
  readonly kind: 'read_stored';
  readonly databaseUrl: string;
}

export interface StoreTask {
  readonly kind: 'store';
  readonly databaseUrl: string;
  readonly columns: InstrumentColumns;
  readonly tradingDate: string;
  /** A list that lacks too much of the stored one is refused. */
  readonly mustBeWhole: boolean;
}

export type InstrumentTask = DownloadTask | ReadStoredTask | StoreTask;

export interface Download {
  readonly list: ReadList;
  /** Absent when nothing is stored, or the database does not say. */
  readonly storedRows?: ExchangeRows;
  /** By row of the list, as `InstrumentRegistry` takes it; absent when there was none before. */
  readonly changes?: Uint8Array<SharedArrayBuffer>;
}

export interface StoredList {
  readonly list: ReadList;
  readonly tradingDate: string;
}

export type StoreVerdict =
  | { readonly kind: 'stored' }
  | { readonly kind: 'refused'; readonly reason: string };

/** What comes of each task. */
export interface TaskResults {
  readonly download: Download;
  /** Undefined when nothing was ever stored. */
  readonly read_stored: StoredList | undefined;
  readonly store: StoreVerdict;
}

/** An Error does not keep its class on its way out of a thread: what matters of it is spelt out. */
export type TaskReply<Kind extends InstrumentTask['kind'] = InstrumentTask['kind']> =
  | { readonly kind: 'done'; readonly result: TaskResults[Kind] }
  | { readonly kind: 'failed'; readonly message: string; readonly retryAfterMs?: number };
