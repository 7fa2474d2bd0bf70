// Kite's instrument dump, read as a stream: rows of CSV to instrument definitions, bad rows counted and left out.
import { type InstrumentDefinition, parseInstrumentToken } from '../../shared/instrument.ts';
import { INSTRUMENT_FIELD_CHARS_MAX, INSTRUMENT_ROW_BYTES_MAX } from '../../shared/limits.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const COMMA = 0x2c;
const QUOTE = 0x22;
/** What an integer column of the database holds. */
const LOT_SIZE_MAX = 2 ** 31 - 1;

const COLUMNS = [
  'instrument_token',
  'tradingsymbol',
  'name',
  'expiry',
  'strike',
  'tick_size',
  'lot_size',
  'instrument_type',
  'segment',
  'exchange',
] as const;
type Column = (typeof COLUMNS)[number];

/** Texts that thousands of rows share are kept once. */
const SHARED_COLUMNS: ReadonlySet<Column> = new Set([
  'name',
  'expiry',
  'instrument_type',
  'segment',
  'exchange',
]);

/**
 * Reads the dump in chunks of any size. Columns are found by the header's names, in any order and among others; rows
 * end with LF or CRLF; fields may be quoted. Fields are cut out as bytes: a slice of a decoded text would keep all of
 * that text in memory for as long as the symbol lives.
 */
export class InstrumentCsvParser {
  readonly #onRow: (definition: InstrumentDefinition) => void;
  readonly #texts = new Map<string, string>();
  #rest: Buffer = Buffer.alloc(0);
  #columns: Record<Column, number> | undefined;
  #line = 0;
  /** Inside a row that was too long: all up to its end is junk. */
  #isSkipping = false;
  badRows = 0;
  /** What was wrong with the first bad row, for the log. */
  firstBadRow: string | undefined;
  /** The stream ended inside a row: Kite ends every row, so that something is missing. Known after `end`. */
  isCutOff = false;

  constructor(onRow: (definition: InstrumentDefinition) => void) {
    this.#onRow = onRow;
  }

  /** Throws an Error when the header lacks a column that we need: then this is not the dump. */
  push(chunk: Uint8Array): void {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    this.#readRows(false);
    if (this.#rest.length <= INSTRUMENT_ROW_BYTES_MAX) return;
    if (!this.#isSkipping)
      this.#reject(`row after line ${this.#line} has over ${INSTRUMENT_ROW_BYTES_MAX} bytes`);
    this.#isSkipping = true;
    this.#rest = Buffer.alloc(0);
  }

  /** The stream has ended: reads a last row that has no line end. */
  end(): void {
    this.#readRows(true);
    this.isCutOff = this.#rest.length > 0 || this.#isSkipping;
    if (this.#rest.length > 0 && !this.#isSkipping) this.#row(this.#rest, 0, this.#rest.length);
    this.#rest = Buffer.alloc(0);
    if (this.#columns === undefined) throw new Error('instrument dump is empty');
  }

  /** Reads all complete rows and keeps the part of one that is left. */
  #readRows(isEnd: boolean): void {
    const bytes = this.#rest;
    let quote = bytes.indexOf(QUOTE);
    let at = 0;
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, at);
      if (newline < 0) break;
      if (quote >= 0 && quote < at) quote = bytes.indexOf(QUOTE, at);
      const end = quote < 0 || quote > newline ? newline : quotedRowEnd(bytes, at, newline, isEnd);
      if (end < 0) break;
      if (this.#isSkipping) this.#isSkipping = false;
      else this.#row(bytes, at, end);
      at = end + 1;
    }
    // Copied, so that what is kept between chunks is a part of a row and not the chunk.
    this.#rest = Buffer.from(bytes.subarray(at));
  }

  #row(bytes: Buffer, start: number, newline: number): void {
    this.#line++;
    const end = newline > start && bytes[newline - 1] === RETURN ? newline - 1 : newline;
    if (end === start) return;
    const bounds = fieldBounds(bytes, start, end);
    if (this.#columns === undefined) {
      this.#columns = columnsOf(bounds.map(([from, to]) => fieldText(bytes, from, to)));
      return;
    }
    const columns = this.#columns;
    const text = (column: Column): string => {
      const bound = bounds[columns[column]];
      return bound ? this.#share(column, fieldText(bytes, bound[0], bound[1])) : '';
    };
    const definition = definitionOf(text);
    if (typeof definition === 'string') this.#reject(`line ${this.#line}: ${definition}`);
    else this.#onRow(definition);
  }

  #share(column: Column, text: string): string {
    if (!SHARED_COLUMNS.has(column)) return text;
    const shared = this.#texts.get(text);
    if (shared !== undefined) return shared;
    this.#texts.set(text, text);
    return text;
  }

  #reject(reason: string): void {
    this.badRows++;
    this.firstBadRow ??= reason;
  }
}

/**
 * Where a row with quotes ends: at a newline outside them; -1 when more bytes are needed to know. A quote that is never
 * closed would swallow the rows after it, so that it counts for no more than its own line.
 */
function quotedRowEnd(bytes: Buffer, start: number, newline: number, isEnd: boolean): number {
  const searchEnd = Math.min(bytes.length, start + INSTRUMENT_ROW_BYTES_MAX);
  let isQuoted = false;
  for (let at = start; at < searchEnd; at++) {
    if (bytes[at] === QUOTE) isQuoted = !isQuoted;
    else if (bytes[at] === NEWLINE && !isQuoted) return at;
  }
  return isEnd || bytes.length > searchEnd ? newline : -1;
}

function fieldBounds(bytes: Buffer, start: number, end: number): [from: number, to: number][] {
  const bounds: [number, number][] = [];
  let from = start;
  let isQuoted = false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) isQuoted = !isQuoted;
    else if (byte === COMMA && !isQuoted) {
      bounds.push([from, at]);
      from = at + 1;
    }
  }
  bounds.push([from, end]);
  return bounds;
}

function fieldText(bytes: Buffer, from: number, to: number): string {
  if (bytes[from] !== QUOTE) return bytes.toString('utf8', from, to);
  const closed = to - from > 1 && bytes[to - 1] === QUOTE ? to - 1 : to;
  return bytes.toString('utf8', from + 1, closed).replaceAll('""', '"');
}

function columnsOf(names: readonly string[]): Record<Column, number> {
  const positions = new Map(names.map((name, index) => [name.replace(/^\uFEFF/, '').trim(), index]));
  const position = (column: Column): number => {
    const index = positions.get(column);
    if (index === undefined) throw new Error(`instrument dump has no column ${column}`);
    return index;
  };
  return {
    instrument_token: position('instrument_token'),
    tradingsymbol: position('tradingsymbol'),
    name: position('name'),
    expiry: position('expiry'),
    strike: position('strike'),
    tick_size: position('tick_size'),
    lot_size: position('lot_size'),
    instrument_type: position('instrument_type'),
    segment: position('segment'),
    exchange: position('exchange'),
  };
}

/** A day that exists, as YYYY-MM-DD. */
function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  // Date.parse takes the 30th of February for a day of March.
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

/**
 * The definition of a row, or what is wrong with it. What the database could not keep is wrong: one such row would
 * cost the whole list.
 */
function definitionOf(text: (column: Column) => string): InstrumentDefinition | string {
  const token = parseInstrumentToken(
    text('instrument_token') === '' ? undefined : Number(text('instrument_token')),
  );
  if (token === undefined) return 'instrument_token is none';
  const amounts = { strike: 0, tick_size: 0, lot_size: 0 };
  for (const column of ['strike', 'tick_size', 'lot_size'] as const) {
    const amount = Number(text(column));
    if (!Number.isFinite(amount) || amount < 0) return `${column} of ${token} is not an amount`;
    amounts[column] = amount;
  }
  if (!Number.isInteger(amounts.lot_size) || amounts.lot_size > LOT_SIZE_MAX)
    return `lot_size of ${token} is not a number of units`;
  for (const column of ['tradingsymbol', 'exchange', 'segment', 'instrument_type'] as const) {
    const value = text(column);
    if (value.length === 0 || value.length > INSTRUMENT_FIELD_CHARS_MAX)
      return `${column} of ${token} has ${value.length} characters`;
    if (value.includes('\0')) return `${column} of ${token} has a NUL`;
  }
  const expiry = text('expiry');
  if (expiry !== '' && !isDate(expiry)) return `expiry of ${token} is not a date`;
  const name = text('name').replaceAll('\0', '').slice(0, INSTRUMENT_FIELD_CHARS_MAX);
  return {
    instrument_token: token,
    tradingsymbol: text('tradingsymbol'),
    exchange: text('exchange'),
    ...(name === '' ? {} : { name }),
    segment: text('segment'),
    instrument_type: text('instrument_type'),
    ...(expiry === '' ? {} : { expiry }),
    ...(amounts.strike === 0 ? {} : { strike: amounts.strike }),
    tick_size: amounts.tick_size,
    lot_size: amounts.lot_size,
  };
}
